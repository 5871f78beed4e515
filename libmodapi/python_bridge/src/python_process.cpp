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

std::int64_t PythonProcess::keep_state(std::shared_ptr<const callbacks::StateMap> state) {
    states_.emplace(++states_kept_, std::move(state));
    return states_kept_;
}

std::shared_ptr<PythonEntry> PythonProcess::entry_called(std::string_view name) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& each) { return each->name() == name; });
    return found != entries_.end() ? *found : nullptr;
}

std::string PythonProcess::names() const {
    std::string list;
    for (const std::shared_ptr<PythonEntry>& entry : entries_) list.append(list.empty() ? "" : ", ").append(entry->module());
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

void PythonProcess::begin_to_listen() {
    boost::asio::post(environment_.where.executor, [weak = weak_from_this()] {
        const std::shared_ptr<PythonProcess> self = weak.lock();
        if (self == nullptr || self->life_ == nullptr || self->is_ending_) return;
        self->life_->listen();
        self->watch();
    });
}

JsonDict PythonProcess::ask_blocking(JsonDict message, std::string_view asked, PythonLife::time_point end) {
    const std::shared_ptr<PythonLife> asked_life = life_;
    std::string why;
    try {
        return asked_life->ask_and_block(std::move(message), asked, end);
    } catch (const PythonGone& error) {
        why = error.what();
    }
    // What is left of it is ended here: it blocks anyway, and says why it has ended.
    if (dead_ != nullptr) {
        const std::string end_of_it = end_and_describe(*dead_);
        if (reason_ == PythonLife::has_ended && !end_of_it.empty())
            why = "its Python process " + end_of_it + (last_line_.empty() ? "" : ": " + last_line_);
    }
    throw std::runtime_error(unfit_.empty() ? why : unfit_);
}

JsonDict PythonProcess::build(const std::shared_ptr<PythonEntry>& entry) {
    const PythonLife::time_point end = std::chrono::steady_clock::now() + surroundings_->settings.construction_limit;
    entries_.push_back(entry);
    try {
        if (life_ == nullptr) {
            begin_life();
            const JsonDict greeting = greeting_of(surroundings_->settings, life_->program().directory(), entry->api());
            const JsonDict greeted = ask_blocking(greeting, "its start", end);
            if (const JsonValue* const error = greeted.if_contains("error"))
                throw std::runtime_error(line_of_error(entry->module(), "its start", error->as_object()));
            begin_to_listen();
        }
        const JsonDict parsed = ask_blocking(entry->parsing(), "parse_config", end);
        if (const JsonValue* const error = parsed.if_contains("error")) throw_parse_error(entry->module(), error->as_object());
        const JsonDict built = ask_blocking(entry->construction(), "its constructor", end);
        if (const JsonValue* const error = built.if_contains("error"))
            throw std::runtime_error(line_of_error(entry->module(), "the constructor", error->as_object()));
        JsonDict described = built.at("result").as_object();
        entry->built(life_->number(), described);
        why_.clear();
        return described;
    } catch (...) {
        abandon(*entry);
        throw;
    }
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
    std::erase_if(entries_, [&](const std::shared_ptr<PythonEntry>& each) { return each.get() == &entry; });
}

void PythonProcess::said(PythonLife& life, JsonDict message) {
    const std::string_view what = text_of(message, "do");
    const JsonValue* const id = message.if_contains("id");
    if (what == "operation") return operation(life, message);
    if (what == "log") return log(life, message);
    if (what == "unfit") {
        unfit_ = text_of(message, "text");
    } else if (what == "offered_not") {
        const std::shared_ptr<PythonEntry> entry = entry_called(text_of(message, "entry"));
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

void PythonProcess::operation(PythonLife& life, const JsonDict& message) {
    const std::shared_ptr<PythonEntry> entry = entry_called(text_of(message, "entry"));
    const JsonValue* const id = message.if_contains("id");
    const JsonValue* const arguments = message.if_contains("arguments");
    if (id == nullptr || !id->is_int64()) return;
    if (entry == nullptr) {
        JsonDict answer;
        answer["id"] = *id;
        answer["error"] = python_error_of(std::make_exception_ptr(std::runtime_error("the module has been ended")));
        return life.send(answer);
    }
    const JsonValue* const call = message.if_contains("call");
    PythonRequest* const request =
        call != nullptr && call->is_int64() ? life.request_with_operations(call->get_int64()) : nullptr;
    const std::string_view member = text_of(message, "member");
    if (request == nullptr && call != nullptr && call->is_int64() && PythonLife::was_in_shadow(call->get_int64()) && changes(member)) {
        JsonDict answer;
        answer["id"] = *id;
        answer["error"] = python_error_of(kept_in_shadow(*entry, member));
        return life.send(answer);
    }
    entry->operation(life.shared_from_this(), request, id->get_int64(), std::string(text_of(message, "member")),
                     arguments != nullptr && arguments->is_object() ? arguments->get_object() : JsonDict());
}

void PythonProcess::cancel_operation(std::uint64_t life, std::int64_t id) {
    const auto found = operations_.find({life, id});
    if (found != operations_.end()) found->second->request(async::cancel_reason::stopping);
}

void PythonProcess::log(PythonLife& life, const JsonDict& notice) {
    const std::shared_ptr<PythonEntry> entry = entry_called(text_of(notice, "entry"));
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
    if (now - printing_since_ >= std::chrono::seconds(1)) {
        if (lines_printed_ > most_lines_a_second)
            framework_log().warn("Python, modules {}: {} lines more that they printed in one second weren't logged", names(),
                                 lines_printed_ - most_lines_a_second);
        printing_since_ = now;
        lines_printed_ = 0;
    }
    if (++lines_printed_ <= most_lines_a_second) framework_log().info("Python, modules {}: {}", names(), line);
}

}  // namespace modapi
