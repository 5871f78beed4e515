#include "python_errors.h"
#include "python_greeting.h"
#include "python_log.h"
#include "python_process.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_registrations.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <async/callback_frame.h>
#include <async/run_on.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using duration = async::clock::duration;

constexpr duration usual_patience = std::chrono::seconds(60);
constexpr duration shortest_look = std::chrono::milliseconds(20);
constexpr duration longest_look = std::chrono::seconds(1);
/// What a process may take to end by itself.
constexpr duration goodbye = std::chrono::milliseconds(500);

std::string end_program(const std::shared_ptr<PythonProgram>& program) { return end_and_describe(*program); }

/// They must have ended before they are destroyed, whatever is cancelled.
async::task<void> close_questions(std::unique_ptr<PythonQuestions> questions) {
    const async::context& here = co_await async::this_context;
    async::context uncut = here;
    uncut.cancellation = nullptr;
    async::task<void> closing = questions->close();
    co_await std::move(closing).in(uncut);
}

std::string in_seconds(duration time) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    constexpr std::int64_t second = 1000;
    return milliseconds % second == 0 ? std::to_string(milliseconds / second) + " s" : std::to_string(milliseconds) + " ms";
}

}  // namespace

void PythonProcess::lost(PythonLife& life, std::string reason) {
    note_ping(false);
    pinged_.reset();
    watch_.reset();
    tell_left_out(std::nullopt);
    why_ = "its Python process has ended";
    for (auto each = operations_.begin(); each != operations_.end();) {
        const auto here = each++;
        if (here->first.first == life.number()) here->second->request(async::cancel_reason::stopping);
    }
    dead_ = life.end(reason);
    dead_questions_ = std::move(questions_);
    life_.reset();
    reason_ = std::move(reason);
    if (is_ending_ || restarts_) return;
    restarts_ = true;
    backoff_.died();
    // By a post: nothing of it keeps a process that nobody needs any more.
    boost::asio::post(environment_.where.executor, [weak = weak_from_this()] {
        const std::shared_ptr<PythonProcess> self = weak.lock();
        if (self == nullptr || self->is_ending_) return;
        self->work_.spawn("the restart of a Python process", restart(self));
    });
}

async::task<void> PythonProcess::restart(std::shared_ptr<PythonProcess> self) {
    while (true) {
        if (self->dead_questions_ != nullptr) {
            // Beside the restart: a statement may run on for long.
            self->work_.spawn("the end of a Python process's questions", close_questions(std::move(self->dead_questions_)));
        }
        if (self->dead_ != nullptr) {
            const pid_t process = self->dead_->process();
            async::task<std::string> ending = end_dead(self);
            const std::string end = co_await std::move(ending);
            self->note_end(end);
            if (self->entries_.empty()) break;  // who builds the first one says it
            const bool says_more = self->reason_ == PythonLife::has_ended && !end.empty();
            const std::string reason = says_more ? end : self->reason_;
            const duration wait = self->backoff_.wait();
            const std::string when = wait.count() > 0 ? "in " + in_seconds(wait) : "now";
            framework_log().error("the Python process {} of the modules {} {}: it is started anew {}", process, self->names(),
                                  reason, when);
        }
        if (self->is_ending_) co_return;
        const duration wait = self->backoff_.wait();
        if (wait.count() > 0) co_await async::sleep_for(wait);
        if (self->is_ending_ || self->entries_.empty()) break;
        std::exception_ptr failure;
        try {
            async::task<void> starting = self->start_anew();
            co_await std::move(starting);
        } catch (const async::operation_cancelled&) {
            throw;
        } catch (...) {
            failure = std::current_exception();
        }
        if ((!failure && self->life_ != nullptr) || self->is_ending_) break;
        const std::string why = failure ? callbacks::message_of(failure) : "it has ended";
        framework_log().error("the Python process of the modules {} couldn't be started anew: {}", self->names(),
                              self->unfit_.empty() ? why : self->unfit_);
        if (self->life_ != nullptr) self->life_->lose("was ended in the middle of its start");
        self->backoff_.died();
    }
    self->restarts_ = false;
}

void PythonProcess::note_end(const std::string& end) {
    if (!unfit_.empty()) {
        end_of_it_ = unfit_;
    } else if (reason_ == PythonLife::has_ended && !end.empty()) {
        end_of_it_ = "its Python process " + end + (last_line_.empty() ? "" : ": " + last_line_);
    } else {
        end_of_it_ = "its Python process " + reason_;
    }
    ended_life_ = lives_;
    end_is_known_.notify_all();
}

async::task<void> PythonProcess::start_anew() {
    async::task<void> starting = start_life(entries_.front()->api());
    co_await std::move(starting);
    const std::shared_ptr<PythonLife> life = life_;
    if (life == nullptr) throw PythonGone("it has ended");
    const std::vector<std::shared_ptr<PythonEntry>> entries = entries_;
    for (const std::shared_ptr<PythonEntry>& entry : entries) {
        if (std::find(entries_.begin(), entries_.end(), entry) == entries_.end()) continue;  // it was ended meanwhile
        async::task<void> building = build_anew(life, entry);
        co_await std::move(building);
    }
    if (life->is_over()) throw PythonGone("it has ended");
    if (is_ending_ || entries_.empty()) throw PythonGone("its modules have ended");
    why_.clear();
    watch();
    framework_log().info("the Python process {} of the modules {} runs", life->program().process(), names());
}

async::task<void> PythonProcess::build_anew(std::shared_ptr<PythonLife> life, std::shared_ptr<PythonEntry> entry) {
    std::string why;
    try {
        async::task<JsonDict> constructing = construct(life, entry);
        const JsonDict described = co_await std::move(constructing);
        entry->built(life->number(), described);
        co_return;
    } catch (const PythonGone&) {
        throw;
    } catch (const async::operation_cancelled&) {
        throw;
    } catch (...) {
        why = callbacks::message_of(std::current_exception());
    }
    framework_log().error("module {}: it couldn't be built anew: {}", entry->module(), why);
    entry->not_built(std::move(why));
}

async::task<void> PythonProcess::leave(std::shared_ptr<PythonProcess> self, std::shared_ptr<PythonEntry> entry) {
    self->tell_left_out(std::nullopt);
    self->drop(*entry);
    const std::shared_ptr<PythonLife> life = self->life_;
    const bool is_last = self->entries_.empty() && self->arriving_.empty();
    if (is_last) self->is_ending_ = true;
    if (life != nullptr) {
        JsonDict message;
        message["do"] = is_last ? "stop" : "forget";
        message["entry"] = entry->name();
        try {
            async::task<JsonDict> asking = ask_python(life, std::move(message), is_last ? "its end" : "the end of a module");
            async::task<JsonDict> in_time = async::with_deadline(goodbye, std::move(asking));
            static_cast<void>(co_await std::move(in_time));
        } catch (...) {
            // It is ended all the same.
        }
    }
    const async::context& here = co_await async::this_context;
    async::context uncut = here;
    uncut.cancellation = nullptr;
    if (!is_last) {
        // They use its ModuleApi.
        async::task<void> ending = PythonEntry::transactions_ended(entry);
        co_await std::move(ending).in(uncut);
        co_return;
    }
    async::task<void> finishing = finish(self);
    co_await std::move(finishing).in(uncut);
}

async::task<void> PythonProcess::finish(std::shared_ptr<PythonProcess> self) {
    self->note_ping(false);
    self->watch_.reset();
    self->why_ = "its Python process was ended";
    if (self->life_ != nullptr) {
        self->dead_ = self->life_->end("was ended");
        self->life_.reset();
    }
    self->work_.cancel();
    // First: what it still asks ends with it.
    async::task<std::string> killing = end_dead(self);
    static_cast<void>(co_await std::move(killing));
    async::task<void> working = self->work_.join();
    co_await std::move(working);
    if (self->dead_questions_ != nullptr) {
        async::task<void> closing = self->dead_questions_->close();
        co_await std::move(closing);
    }
    if (self->questions_ != nullptr) {
        async::task<void> closing = self->questions_->close();
        co_await std::move(closing);
    }
    self->dead_questions_.reset();
    self->questions_.reset();
    async::task<std::string> killing_last = end_dead(self);  // that a restart has left
    static_cast<void>(co_await std::move(killing_last));
}

async::task<std::string> PythonProcess::end_dead(std::shared_ptr<PythonProcess> self) {
    if (self->dead_ == nullptr) co_return std::string();
    const std::shared_ptr<PythonProgram> dead = std::move(self->dead_);
    async::task<std::string> ending = async::run_on(self->surroundings_->reaper.executor(), &end_program, dead);
    co_return co_await std::move(ending);
}

duration PythonProcess::patience() const {
    duration longest = environment_.dispatch_settings.callback_deadline;
    for (const std::shared_ptr<PythonEntry>& entry : entries_) {
        const ModuleLimits* const limits = registrations_of(entry->api()).limits.get();
        if (limits == nullptr) continue;
        const ModuleRules& rules = limits->configured();
        longest = std::max(longest, rules.of_entry.deadline.value_or(duration(0)));
        for (const auto& [name, rule] : rules.of_callback) longest = std::max(longest, rule.deadline.value_or(duration(0)));
    }
    return longest.count() > 0 ? longest : usual_patience;
}

void PythonProcess::watch() {
    const duration period = std::clamp(patience() / 4, shortest_look, longest_look);
    async::clock& time = *environment_.where.clock;
    watch_ = time.call_at(
        time.after(period), environment_.where.executor, [](void* self) { static_cast<PythonProcess*>(self)->look_after(); },
        this);
}

void PythonProcess::look_after() {
    const std::shared_ptr<PythonProcess> stays = shared_from_this();
    const std::shared_ptr<PythonLife> life = life_;
    if (life == nullptr || is_ending_) return;
    const async::clock::time_point now = environment_.where.clock->now();
    const std::uint64_t memory = life->program().memory();
    if (memory > surroundings_->settings.memory) {
        constexpr std::uint64_t mebibyte = 1024UL * 1024;
        return life->lose("has " + std::to_string(memory / mebibyte) + " MiB, more than the " +
                          std::to_string(surroundings_->settings.memory / mebibyte) + " of python.memory");
    }
    tell_left_out(now);
    if (const std::optional<std::string> missing = missing_socket())
        return life->lose("has no " + *missing + " any more, which somebody has removed");
    // Whose constructor runs has nothing else answered, and has a limit of its own.
    if (!arriving_.empty()) {
        answered_ping();
        return watch();
    }
    if (pinged_ && now - *pinged_ >= patience()) {
        life->catch_up();
        if (life->is_over()) return;
    }
    if (!pinged_) {
        pinged_ = now;
        asked_at_ping_ = asked_now();
        note_ping(true);
        life->ping();
        if (life->is_over()) return;
    } else if (now - *pinged_ >= patience()) {
        return life->lose("hasn't answered for " + in_seconds(patience()) + ", as long as a callback may take" +
                          (asked_at_ping_.empty() ? "" : ", when it was asked for " + asked_at_ping_));
    }
    watch();
}

std::string PythonProcess::asked_now() const {
    constexpr std::size_t most_named = 3;
    std::vector<std::string> asked;
    for (const std::string& page : pages_) asked.push_back("the page " + page);
    for (const std::string_view callback : life_->asked_now()) asked.emplace_back(callback);
    std::string list;
    for (std::size_t each = 0; each < std::min(asked.size(), most_named); ++each)
        list.append(list.empty() ? "" : ", ").append(asked[each]);
    if (asked.size() > most_named) list += ", ...";
    return list;
}

std::shared_ptr<const void> PythonProcess::page_begins(std::shared_ptr<PythonProcess> self, const std::string& path) {
    const auto page = self->pages_.insert(self->pages_.end(), path);
    return std::shared_ptr<const void>(&*page, [weak = std::weak_ptr<PythonProcess>(self), page](const void*) {
        if (const std::shared_ptr<PythonProcess> process = weak.lock()) process->pages_.erase(page);
    });
}

std::optional<std::string> PythonProcess::missing_socket() const {
    const std::filesystem::path& directory = life_->program().directory();
    const bool has_pages = std::any_of(entries_.begin(), entries_.end(), [&](const std::shared_ptr<PythonEntry>& entry) {
        return entry->has_pages() && entry->is_built_in(life_->number());
    });
    std::error_code unknown;
    for (const char* const name : {"host.sock", "web.sock"}) {
        if (name == std::string_view("web.sock") && !has_pages) continue;
        const std::filesystem::path socket = directory / name;
        if (std::filesystem::symlink_status(socket, unknown).type() == std::filesystem::file_type::not_found)
            return socket.string();
    }
    return std::nullopt;
}

void PythonProcess::answered_ping() noexcept {
    pinged_.reset();
    note_ping(false);
}

void PythonProcess::note_ping(bool is_away) noexcept {
    if (std::exchange(ping_is_away_, is_away) == is_away) return;
    async::clock& time = *environment_.where.clock;
    if (is_away) {
        time.offload_began();
    } else {
        time.offload_ended();
    }
}

}  // namespace modapi
