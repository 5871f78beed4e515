#include "sample_events.h"
#include "scenario.h"

#include <boost/json/monotonic_resource.hpp>

#include <algorithm>
#include <cstring>

/// The floors: the same bytes, written by hand for exactly this purpose. The modules are known and called directly, so that the
/// compiler may inline them; nobody looks for a key that is there already; nothing is counted, awaited or cancelled.
namespace bench {

namespace {

using callbacks::Event;
using callbacks::JsonBuffer;
using callbacks::JsonDict;

/// An event as a hand-written host keeps it: its text up to `"unsigned":{`.
struct KeptEvent {
    Event event;
    std::string text;
};

KeptEvent kept_event(const Event& event) {
    JsonBuffer text;
    JsonDict members = event.get_dict();
    members.erase("unsigned");
    text.object(members);
    text.cut(text.size() - 1);
    text.append(R"(,"unsigned":{)");
    return {event, std::string(text.view())};
}

struct Kept {
    Kept() {
        const SampleEvents sample(distinct_events);
        for (std::size_t index = 0; index < sample.size(); ++index) events.push_back(kept_event(sample[index].event()));
    }
    std::vector<KeptEvent> events;
    JsonBuffer text;
};

/// What one event can need at most, with eight modules.
constexpr std::size_t room_for_fields = 2048;

template <std::size_t Size>
char* put(char* at, const char (&literal)[Size]) {
    std::memcpy(at, literal, Size - 1);
    return at + Size - 1;
}
char* put_string(char* at, std::string_view text) {
    *at++ = '"';
    if (!JsonBuffer::copy_plain(at, text)) std::abort();  // the sample has no such texts
    at += text.size();
    *at++ = '"';
    return at;
}

/// A module by hand: two fields behind what is there.
template <std::size_t Number>
char* add_by_hand(char* at, const Event& event) {
    *at++ = ',';
    *at++ = '"';
    at = put(at, FieldNames<Number>::kind);
    at = put(at, "\":");
    at = put_string(at, event.type());
    *at++ = ',';
    *at++ = '"';
    at = put(at, FieldNames<Number>::sender);
    at = put(at, "\":");
    return put_string(at, event.sender());
}

template <std::size_t... Number>
void write_direct(Kept& kept, std::size_t count, std::size_t per_response, std::index_sequence<Number...>) {
    for (std::size_t left = count; left > 0;) {
        const std::size_t now = std::min(left, per_response);
        kept.text.cut(0);
        for (std::size_t index = 0; index < now; ++index) {
            const KeptEvent& event = kept.events[index % distinct_events];
            char* at = kept.text.reserve(event.text.size() + room_for_fields);
            *at++ = index == 0 ? '[' : ',';
            std::memcpy(at, event.text.data(), event.text.size());
            at = put(at + event.text.size(), R"("age":)");
            at = JsonBuffer::put_number(at, SampleEvents::age_of(index));
            ((at = add_by_hand<Number>(at, event.event)), ...);
            kept.text.commit(put(at, "}}"));
        }
        kept.text.append(']');
        left -= now;
    }
}

/// A module by hand that makes an object, in an arena.
template <std::size_t Number>
[[gnu::noinline]] JsonDict fields_by_hand(const Event& event, const boost::json::storage_ptr& memory) {
    JsonDict added(memory);
    added.reserve(2);
    added.emplace(FieldNames<Number>::kind, event.type());
    added.emplace(FieldNames<Number>::sender, event.sender());
    return added;
}
void put_members(JsonBuffer& text, const JsonDict& members) {
    for (const auto& member : members) {
        text.append(',');
        text.string(std::string_view(member.key()));
        text.append(':');
        text.value(member.value());
    }
}

template <bool InArena, std::size_t... Number>
void write_objects(Kept& kept, std::size_t count, std::size_t per_response, std::index_sequence<Number...>) {
    unsigned char arena_bytes[8192];
    boost::json::monotonic_resource arena(arena_bytes, sizeof(arena_bytes));
    const boost::json::storage_ptr memory = InArena ? boost::json::storage_ptr(&arena) : boost::json::storage_ptr();
    for (std::size_t left = count; left > 0;) {
        const std::size_t now = std::min(left, per_response);
        kept.text.cut(0);
        for (std::size_t index = 0; index < now; ++index) {
            const KeptEvent& event = kept.events[index % distinct_events];
            kept.text.append(index == 0 ? '[' : ',');
            kept.text.append(event.text);
            kept.text.append(R"("age":)");
            kept.text.number(SampleEvents::age_of(index));
            (put_members(kept.text, fields_by_hand<Number>(event.event, memory)), ...);
            kept.text.append("}}");
            if constexpr (InArena) arena.release();
        }
        kept.text.append(']');
        left -= now;
    }
}

template <std::size_t Modules>
Scenario direct_floor() {
    return {named("floor_direct", Modules), [] {
                return [kept = std::make_shared<Kept>()](std::size_t count) {
                    write_direct(*kept, count, events_per_response, std::make_index_sequence<Modules>());
                };
            }};
}
template <std::size_t Modules, bool InArena>
Scenario object_floor(const std::string& group) {
    return {named(group, Modules), [] {
                return [kept = std::make_shared<Kept>()](std::size_t count) {
                    write_objects<InArena>(*kept, count, events_per_response, std::make_index_sequence<Modules>());
                };
            }};
}

}  // namespace

void add_floor_scenarios(std::vector<Scenario>& into) {
    into.push_back(direct_floor<0>());
    into.push_back(direct_floor<1>());
    into.push_back(direct_floor<3>());
    into.push_back(direct_floor<8>());
    into.push_back(object_floor<1, true>("floor_object_in_arena"));
    into.push_back(object_floor<3, true>("floor_object_in_arena"));
    into.push_back(object_floor<8, true>("floor_object_in_arena"));
    into.push_back(object_floor<1, false>("floor_object"));
    into.push_back(object_floor<3, false>("floor_object"));
    into.push_back(object_floor<8, false>("floor_object"));
    for (const std::size_t events : {1, 10, 100, 1'000, 10'000, 100'000}) {
        into.push_back({named("floor_growth/events", events), [events] {
                            return [kept = std::make_shared<Kept>(), events](std::size_t count) {
                                write_direct(*kept, count, events, std::make_index_sequence<3>());
                            };
                        }});
    }
}

}  // namespace bench
