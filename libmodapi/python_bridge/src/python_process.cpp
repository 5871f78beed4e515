#include "python_process.h"

#include "python_errors.h"
#include "python_greeting.h"
#include "python_log.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/shadow_runs.h>
#include <modapi/module_api.h>
#include <modapi/shadowed_change.h>

#include <callbacks/errors.h>

#include <async/callback_frame.h>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <stdexcept>
#include <utility>

namespace modapi {

using callbacks::JsonDict;
using callbacks::JsonValue;

std::string end_and_describe(PythonProgram& program) {
    program.kill();
    // It takes a while until the kernel says how it ended; the program itself waits for it.
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(program.process()), &ended, WEXITED | WNOWAIT);
    return program.end().value_or(std::string());
}

namespace {

/// Whether it changes something that isn't the module's own, as far as is known.
bool changes(std::string_view member) {
    const std::span<const ModuleApiMember> all = module_api_members();
    const auto found = std::find_if(all.begin(), all.end(), [&](const ModuleApiMember& each) { return each.name == member; });
    return found == all.end() || found->changes;
}

/// What a module has left running that was asked in shadow mode gets no further than its callback did.
std::exception_ptr kept_in_shadow(const PythonEntry& entry, std::string_view member) {
    const std::string what = "was kept from " + std::string(member) + ", which it asked for behind a callback in shadow mode";
    framework_log().warn("module {} {}", entry.module(), what);
    return std::make_exception_ptr(ShadowedChange("module " + entry.module() + " " + what));
}

}  // namespace

PythonProcess::RunningOperation::RunningOperation(PythonProcess& process, std::uint64_t life, std::int64_t id,
                                                  async::cancellation_source& source)
    : process_(process), key_(life, id) {
    process_.operations_[key_] = &source;
}

PythonProcess::RunningOperation::~RunningOperation() { process_.operations_.erase(key_); }

PythonProcess::PythonProcess(std::shared_ptr<PythonSurroundings> surroundings, ModuleApi& first, std::uint64_t generation)
    : surroundings_(std::move(surroundings)),
      environment_(environment_of(first)),
      generation_(generation),
      runs_background_tasks_(first.should_run_background_tasks()),
      why_("it hasn't been started"),
      work_(environment_.where, [](std::string_view what, const std::exception_ptr& failure) {
          framework_log().error("{}: {}", what, callbacks::message_of(failure));
      }) {}

PythonProcess::~PythonProcess() {
    note_ping(false);
    if (life_ != nullptr) dead_ = life_->end("was ended");
    dead_.reset();
}

bool PythonProcess::can_take(ModuleApi& api, std::uint64_t generation) const {
    return !is_ending_ && !restarts_ && why_.empty() && generation <= generation_ &&
           runs_background_tasks_ == api.should_run_background_tasks();
}

const std::shared_ptr<PythonLife>& PythonProcess::running() const {
    if (!why_.empty()) throw PythonGone(why_);
    return life_;
}

std::optional<std::filesystem::path> PythonProcess::directory() const {
    if (!why_.empty()) return std::nullopt;
    return life_->program().directory();
}

bool PythonProcess::is_asked_in_shadow() const noexcept { return environment_.shadow_runs.on_stack() != nullptr; }

std::int64_t PythonProcess::keep_state(std::shared_ptr<const callbacks::StateMap> state) {
    states_.emplace(++states_kept_, std::move(state));
    return states_kept_;
}

std::shared_ptr<PythonEntry> PythonProcess::entry_called(std::string_view name) const {
    for (const std::vector<std::shared_ptr<PythonEntry>>* const list : {&entries_, &arriving_}) {
        const auto found = std::find_if(list->begin(), list->end(), [&](const auto& each) { return each->name() == name; });
        if (found != list->end()) return *found;
    }
    return nullptr;
}

std::string PythonProcess::names() const {
    std::string list;
    for (const std::vector<std::shared_ptr<PythonEntry>>* const of : {&entries_, &arriving_}) {
        for (const std::shared_ptr<PythonEntry>& entry : *of) list.append(list.empty() ? "" : ", ").append(entry->module());
    }
    return list;
}

void PythonProcess::begin_life() {
    unfit_.clear();
    last_line_.clear();
    auto program = std::make_unique<PythonProgram>(surroundings_->settings);
    QuestionSources sources;
    sources.api_of = [this](const std::string& entry) {
        const std::shared_ptr<PythonEntry> found = entry_called(entry);
        return found != nullptr ? &found->api() : nullptr;
    };
    sources.state_of = [this](std::int64_t handle) {
        const auto found = states_.find(handle);
        return found != states_.end() ? found->second : nullptr;
    };
    sources.run_within = [this](const std::string& entry, const JsonValue& call, async::task<void> work) {
        return run_within(entry_called(entry), life_, call.is_int64() ? call.get_int64() : 0, std::move(work));
    };
    questions_ = std::make_unique<PythonQuestions>(environment_.where, program->directory(), std::move(sources));
    life_ = std::make_shared<PythonLife>(environment_.where, std::move(program), ++lives_,
                                         static_cast<PythonLife::Listener&>(*this));
}

async::task<void> PythonProcess::run_within(std::shared_ptr<PythonEntry> entry, std::shared_ptr<PythonLife> life,
                                            std::int64_t call, async::task<void> work) {
    PythonRequest* const request = life != nullptr ? life->request_with_operations(call) : nullptr;
    if (request == nullptr && PythonLife::was_in_shadow(call)) std::rethrow_exception(kept_in_shadow(*entry, "run_db_interaction"));
    if (request != nullptr) request->operation_began();
    entry->transaction_began();
    std::exception_ptr failure;
    try {
        if (request != nullptr) {
            co_await std::move(work).in(request->for_operations());
        } else {
            const async::context& outer = co_await async::this_context;
            async::callback_frame frame(outer);
            frame.enter(registrations_of(entry->api()).background);
            co_await std::move(work).in(frame.here());
            frame.leave();
        }
    } catch (...) {
        failure = std::current_exception();
    }
    entry->transaction_ended();
    if (request != nullptr) request->operation_ended();
    if (failure) std::rethrow_exception(failure);
}

void PythonProcess::abandon(const PythonEntry& entry) noexcept {
    drop(entry);
    if (life_ == nullptr) return;
    try {
        JsonDict notice;
        notice["do"] = "forget";
        notice["entry"] = entry.name();
        life_->send(notice);
    } catch (...) {
        // It is ended with the process.
    }
}

void PythonProcess::drop(const PythonEntry& entry) noexcept {
    const auto is_it = [&](const std::shared_ptr<PythonEntry>& each) { return each.get() == &entry; };
    std::erase_if(entries_, is_it);
    std::erase_if(arriving_, is_it);
}

void PythonProcess::said(PythonLife& life, JsonDict message, std::size_t bytes) {
    const std::string_view what = text_of(message, "do");
    const JsonValue* const id = message.if_contains("id");
    if (what == "operation") return operation(life, message, bytes);
    if (what == "log") return log(life, message);
    if (what == "left_out") return left_out(message);
    if (what == "unfit") {
        unfit_ = text_of(message, "text");
    } else if (what == "offered_not") {
        const std::shared_ptr<PythonEntry> entry = entry_called(text_of(message, "entry"));
        if (!may_log(entry.get())) return;
        framework_log().warn("module {}: it uses {}, which isn't offered", entry != nullptr ? entry->module() : names(),
                             text_of(message, "name"));
    } else if (what == "cancel") {
        const JsonValue* const of = message.if_contains("of");
        if (of != nullptr && of->is_int64()) cancel_operation(life.number(), of->get_int64());
    } else if (id != nullptr) {
        JsonDict answer;
        answer["id"] = *id;
        answer["error"] = python_error_of(std::make_exception_ptr(std::invalid_argument(std::string(what) + " is no request")));
        life.send(answer);
    }
}

void PythonProcess::operation(PythonLife& life, const JsonDict& message, std::size_t bytes) {
    const std::shared_ptr<PythonEntry> entry = entry_called(text_of(message, "entry"));
    const JsonValue* const id = message.if_contains("id");
    const JsonValue* const arguments = message.if_contains("arguments");
    if (id == nullptr || !id->is_int64()) return;
    const auto refuse = [&](const std::exception_ptr& why) {
        JsonDict answer;
        answer["id"] = *id;
        answer["error"] = python_error_of(why);
        life.send(answer);
    };
    if (entry == nullptr) return refuse(std::make_exception_ptr(std::runtime_error("the module has been ended")));
    const JsonValue* const call = message.if_contains("call");
    PythonRequest* const request =
        call != nullptr && call->is_int64() ? life.request_with_operations(call->get_int64()) : nullptr;
    const std::string_view member = text_of(message, "member");
    if (request == nullptr && call != nullptr && call->is_int64() && PythonLife::was_in_shadow(call->get_int64()) &&
        changes(member))
        return refuse(kept_in_shadow(*entry, member));
    if (!budget_.admits(bytes)) {
        return refuse(std::make_exception_ptr(std::runtime_error(
            std::string(member) + " of module " + entry->module() +
            ": the host takes no further operation of its process while " + std::to_string(PythonBudget::most_admitted) +
            " of them, or as many as have " + std::to_string(PythonBudget::most_bytes) + " bytes, are under way or wait")));
    }
    PythonEntry::Asked asked;
    asked.id = id->get_int64();
    asked.member = member;
    if (arguments != nullptr && arguments->is_object()) asked.arguments = arguments->get_object();
    asked.admission = std::make_shared<PythonBudget::Admission>(budget_, bytes);
    entry->operation(life.shared_from_this(), request, std::move(asked));
}

void PythonProcess::cancel_operation(std::uint64_t life, std::int64_t id) {
    const auto found = operations_.find({life, id});
    if (found != operations_.end()) found->second->request(async::cancel_reason::stopping);
}

void PythonProcess::log(PythonLife& life, const JsonDict& notice) {
    const std::shared_ptr<PythonEntry> entry = entry_called(text_of(notice, "entry"));
    if (!may_log(entry.get())) return;
    const spdlog::level::level_enum level = python_level(text_of(notice, "level"));
    const JsonValue* const call = notice.if_contains("call");
    const PythonRequest* const request = call != nullptr && call->is_int64() ? life.request_of(call->get_int64()) : nullptr;
    const std::string record = python_record(notice, request != nullptr ? request->asked() : std::string_view());
    if (entry == nullptr) return framework_log().log(level, "Python, modules {}: {}", names(), record);
    // As the chain's own: with the request that it works for.
    if (request != nullptr) {
        async::detail::start_observed(request->chain(), [&] { entry->api().logger().log(level, "{}", record); });
    } else {
        entry->api().logger().log(level, "{}", record);
    }
}

void PythonProcess::printed(PythonLife&, std::string_view line) {
    last_line_ = line;
    if (!unfit_.empty()) return;
    const async::clock::time_point now = environment_.where.clock->now();
    tell_left_out(now);
    if (printed_lines_.take(now)) framework_log().info("Python, modules {}: {}", names(), line);
}

bool PythonProcess::may_log(PythonEntry* entry) {
    const async::clock::time_point now = environment_.where.clock->now();
    tell_left_out(now);
    return (entry != nullptr ? entry->lines() : record_lines_).take(now);
}

void PythonProcess::left_out(const JsonDict& notice) {
    const JsonValue* const records = notice.if_contains("records");
    if (records == nullptr || !records->is_int64() || records->get_int64() < 0) return;
    const std::shared_ptr<PythonEntry> entry = entry_called(text_of(notice, "entry"));
    (entry != nullptr ? entry->lines() : record_lines_).leave_out(static_cast<std::uint64_t>(records->get_int64()));
}

void PythonProcess::tell_left_out(std::optional<async::clock::time_point> now) {
    const auto left_out = [&](LinesASecond& lines) { return now ? lines.left_out(*now) : lines.left_out(); };
    if (const std::uint64_t lines = left_out(printed_lines_))
        framework_log().warn("Python, modules {}: {} lines more that they printed weren't logged: more than {} in one second",
                             names(), lines, LinesASecond::most);
    if (const std::uint64_t records = left_out(record_lines_))
        framework_log().warn("Python, modules {}: {} records more weren't logged: more than {} in one second", names(), records,
                             LinesASecond::most);
    for (const std::shared_ptr<PythonEntry>& entry : entries_)
        if (const std::uint64_t records = left_out(entry->lines()))
            framework_log().warn("module {}: {} records more weren't logged: more than {} in one second", entry->module(),
                                 records, LinesASecond::most);
}

}  // namespace modapi
