#include <modapi/hosting/process_answers.h>

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using ConfigInAnswer = std::shared_ptr<const JsonDict>;

template <class Type, class Wanted>
concept MaybeConst = std::same_as<std::remove_const_t<Type>, Wanted>;

template <class Type>
inline constexpr bool is_optional_member = false;
template <class Type>
inline constexpr bool is_optional_member<std::optional<Type>> = true;
template <class Type>
inline constexpr bool is_list_member = false;
template <class Type>
inline constexpr bool is_list_member<std::vector<Type>> = true;
template <class Type, std::size_t size>
inline constexpr bool is_list_member<std::array<Type, size>> = true;

/// What each thing that is told has, by its name in JSON: for the one who writes it and for the one who reads it.
template <class Member, MaybeConst<async::shadow_counts> Counts>
void each_member(Counts& counts, Member&& member) {
    member("runs", counts.runs);
    member("skipped", counts.skipped);
    member("differed", counts.differed);
    member("failed", counts.failed);
    member("kept_back", counts.kept_back);
}

template <class Member, MaybeConst<async::cache_counters> Counts>
void each_member(Counts& counts, Member&& member) {
    member("hits", counts.hits);
    member("misses", counts.misses);
    member("by_size", counts.evicted_by_size);
    member("by_time", counts.evicted_by_time);
    member("by_invalidation", counts.evicted_by_invalidation);
    member("size", counts.size);
    member("max_size", counts.max_size);
    member("pending", counts.pending);
}

template <class Member, MaybeConst<CallbackCounts> Counts>
void each_member(Counts& counts, Member&& member) {
    member("callback", counts.callback);
    member("calls", counts.calls);
    member("decided", counts.decided);
    member("failed", counts.failed);
    member("timed_calls", counts.timed_calls);
    member("timed_ns", counts.timed_ns);
    member("max_ns", counts.max_ns);
    member("waiting", counts.waiting);
    member("max_waiting_ns", counts.max_waiting_ns);
    member("shadow", counts.shadow);
    member("mode", counts.mode);
    member("share", counts.share);
    member("place", counts.place);
    member("waited", counts.waited);
    member("at_once", counts.at_once);
    member("passed_by", counts.passed_by);
    member("cut", counts.cut);
    member("kept_out", counts.kept_out);
    member("breaker", counts.breaker);
}

template <class Member, MaybeConst<CacheCounts> Counts>
void each_member(Counts& counts, Member&& member) {
    member("function", counts.function);
    member("counters", counts.counters);
}

template <class Member, MaybeConst<HttpClientCounts> Counts>
void each_member(Counts& counts, Member&& member) {
    member("answered", counts.answered);
    member("durations", counts.durations);
}

template <class Member, MaybeConst<WorkCounts> Counts>
void each_member(Counts& counts, Member&& member) {
    member("failed", counts.failed);
    member("durations", counts.durations);
}

template <class Member, MaybeConst<ModuleStatistics> Statistics>
void each_member(Statistics& module, Member&& member) {
    member("position", module.position);
    member("entry", module.entry);
    member("module", module.module);
    member("library", module.library);
    member("version", module.version);
    member("config", module.config);
    member("mode", module.mode);
    member("share", module.share);
    member("callbacks", module.callbacks);
    member("web_resources", module.web_resources);
    member("web_resource_calls", module.web_resource_calls);
    member("caches", module.caches);
    member("background_calls", module.background_calls);
    member("failed_background_calls", module.failed_background_calls);
    member("background_processes", module.background_processes);
    member("http_client", module.http_client);
    member("database", module.database);
}

template <class Member, MaybeConst<WorkerStatistics> Statistics>
void each_member(Statistics& worker, Member&& member) {
    member("worker", worker.worker);
    member("modules", worker.modules);
}

template <class Member, MaybeConst<SilentWorker> Worker>
void each_member(Worker& silent, Member&& member) {
    member("worker", silent.worker);
    member("module", silent.module);
    member("callback", silent.callback);
}

template <class Member, MaybeConst<Decisions::Count> Count>
void each_member(Count& count, Member&& member) {
    member("module", count.module);
    member("callback", count.callback);
    member("worker", count.worker);
    member("outcome", count.outcome);
    member("decisions", count.decisions);
}

template <class Member, MaybeConst<AnsweredWorkers> Workers>
void each_member(Workers& answered, Member&& member) {
    member("workers", answered.workers);
    member("silent", answered.silent);
    member("decisions", answered.decisions);
}

template <class Member, MaybeConst<Decision> Noted>
void each_member(Noted& decision, Member&& member) {
    member("id", decision.id);
    member("time_ms", decision.time_ms);
    member("process", decision.process);
    member("worker", decision.worker);
    member("request_id", decision.request_id);
    member("module", decision.module);
    member("callback", decision.callback);
    member("outcome", decision.outcome);
    member("errcode", decision.errcode);
    member("text", decision.text);
    member("user_id", decision.user_id);
    member("room_id", decision.room_id);
    member("event_id", decision.event_id);
    member("address", decision.address);
    member("duration_ms", decision.duration_ms);
}

template <class Member, MaybeConst<DecisionPage> Page>
void each_member(Page& page, Member&& member) {
    member("decisions", page.decisions);
    member("has_more", page.has_more);
    member("is_incomplete", page.is_incomplete);
}

template <class Member, MaybeConst<DecisionFilter> Filter>
void each_member(Filter& filter, Member&& member) {
    member("module", filter.module);
    member("callback", filter.callback);
    member("user_id", filter.user_id);
    member("room_id", filter.room_id);
    member("request_id", filter.request_id);
    member("id", filter.id);
    member("outcome", filter.outcome);
    member("since_ms", filter.since_ms);
    member("until_ms", filter.until_ms);
}

template <class Member, MaybeConst<ModuleChanges> Changes>
void each_member(Changes& changes, Member&& member) {
    member("kept", changes.kept);
    member("replaced", changes.replaced);
    member("added", changes.added);
    member("removed", changes.removed);
}

/// The total, then the number of each bucket that has something, and what it has: most have nothing.
JsonArray written(const async::duration_counts& durations) {
    JsonArray list{durations.total_ns};
    for (std::size_t index = 0; index < durations.buckets.size(); ++index) {
        if (durations.buckets[index] == 0) continue;
        list.emplace_back(index);
        list.emplace_back(durations.buckets[index]);
    }
    return list;
}

async::duration_counts durations_in(const JsonArray& list) {
    async::duration_counts durations;
    durations.total_ns = list.at(0).to_number<std::uint64_t>();
    for (std::size_t index = 1; index + 1 < list.size(); index += 2)
        durations.buckets.at(list[index].to_number<std::size_t>()) = list[index + 1].to_number<std::uint64_t>();
    return durations;
}

template <class Value>
JsonValue written_value(const Value& value) {
    if constexpr (std::is_enum_v<Value>) {
        return static_cast<std::int64_t>(value);
    } else if constexpr (std::is_arithmetic_v<Value> || std::is_same_v<Value, std::string>) {
        return JsonValue(value);
    } else if constexpr (std::is_same_v<Value, async::duration_counts>) {
        return written(value);
    } else if constexpr (std::is_same_v<Value, ConfigInAnswer>) {
        return value != nullptr ? JsonValue(*value) : JsonValue(nullptr);
    } else if constexpr (is_optional_member<Value>) {
        return value ? written_value(*value) : JsonValue(nullptr);
    } else if constexpr (is_list_member<Value>) {
        JsonArray list;
        for (const auto& element : value) list.push_back(written_value(element));
        return list;
    } else {
        JsonDict members;
        each_member(value, [&](std::string_view key, const auto& member) { members[key] = written_value(member); });
        return members;
    }
}

template <class Value>
void read_value(Value& into, const JsonValue& told) {
    if constexpr (std::is_enum_v<Value>) {
        into = static_cast<Value>(told.to_number<std::underlying_type_t<Value>>());
    } else if constexpr (std::is_same_v<Value, bool>) {
        into = told.as_bool();
    } else if constexpr (std::is_arithmetic_v<Value>) {
        into = told.to_number<Value>();
    } else if constexpr (std::is_same_v<Value, std::string>) {
        into = std::string(told.as_string());
    } else if constexpr (std::is_same_v<Value, async::duration_counts>) {
        into = durations_in(told.as_array());
    } else if constexpr (std::is_same_v<Value, ConfigInAnswer>) {
        if (!told.is_null()) into = std::make_shared<const JsonDict>(told.as_object());
    } else if constexpr (is_optional_member<Value>) {
        if (!told.is_null()) read_value(into.emplace(), told);
    } else if constexpr (is_list_member<Value>) {
        const JsonArray& list = told.as_array();
        if constexpr (requires { into.resize(list.size()); }) into.resize(list.size());
        for (std::size_t index = 0; index < list.size(); ++index) read_value(into.at(index), list[index]);
    } else {
        const JsonDict& members = told.as_object();
        each_member(into, [&](std::string_view key, auto& member) { read_value(member, members.at(key)); });
    }
}

template <class Value>
JsonDict written_dict(const Value& value) {
    return std::move(written_value(value).as_object());
}

template <class Value>
Value read_dict(const JsonDict& told) {
    Value value;
    each_member(value, [&](std::string_view key, auto& member) { read_value(member, told.at(key)); });
    return value;
}

}  // namespace

JsonDict as_json(const AnsweredWorkers& answered) { return written_dict(answered); }
AnsweredWorkers answered_workers_of(const JsonDict& told) { return read_dict<AnsweredWorkers>(told); }

JsonDict as_json(const DecisionFilter& filter) { return written_dict(filter); }
DecisionFilter decision_filter_of(const JsonDict& told) { return read_dict<DecisionFilter>(told); }

JsonDict as_json(const DecisionPage& page) { return written_dict(page); }
DecisionPage decision_page_of(const JsonDict& told) { return read_dict<DecisionPage>(told); }

JsonDict as_json(const ModuleChanges& changes) { return written_dict(changes); }
ModuleChanges module_changes_of(const JsonDict& told) { return read_dict<ModuleChanges>(told); }

}  // namespace modapi
