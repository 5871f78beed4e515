#include "python_questions.h"

#include "owned_descriptor.h"
#include "python_connection.h"
#include "python_errors.h"
#include "python_transaction.h"
#include "python_values.h"
#include "said_events.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/shadow_runs.h>
#include <modapi/module_api.h>
#include <modapi/work_statistics.h>

#include <async/notification.h>
#include <async/scope.h>
#include <async/sleep.h>
#include <async/use_task.h>

#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <future>
#include <list>
#include <optional>
#include <system_error>
#include <utility>

namespace modapi {

namespace {

using boost::asio::local::stream_protocol;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

std::string text_in(const JsonDict& question, std::string_view name) {
    const JsonValue* const value = question.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::shared_ptr<const callbacks::StateMap> state_in(const QuestionSources& sources, const JsonDict& question) {
    const JsonValue* const handle = question.if_contains("of");
    std::shared_ptr<const callbacks::StateMap> state =
        handle != nullptr && handle->is_int64() ? sources.state_of(handle->get_int64()) : nullptr;
    if (state == nullptr) throw std::invalid_argument("this state of a room could only be looked into while its call ran");
    return state;
}

JsonDict looked_up(const callbacks::StateMap& state, const JsonDict& question) {
    const JsonValue* const key = question.if_contains("key");
    if (key == nullptr || !key->is_array() || key->get_array().size() != 2 || !key->get_array()[0].is_string() ||
        !key->get_array()[1].is_string())
        throw std::invalid_argument("the key of a state is [type, state_key]");
    const JsonArray& parts = key->get_array();
    const callbacks::Event* const found = state.find(parts[0].get_string(), parts[1].get_string());
    EventDetails details;
    details.room_version = room_version_of(state);
    JsonDict answer;
    answer["result"] = nullptr;
    if (found != nullptr) answer["result"] = held_event(*found, details);
    return answer;
}

/// To who may look into the directory. What lies there may be the other user's by now: only a socket of this process's own is
/// given away.
void give_to_owner_of(const std::filesystem::path& directory, const std::filesystem::path& socket) {
    struct stat owner {};
    if (::stat(directory.c_str(), &owner) != 0) throw std::system_error(errno, std::generic_category(), directory.string());
    if (owner.st_uid == ::geteuid()) return;
    const OwnedDescriptor file(::open(socket.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat found {};
    if (file.get() < 0 || ::fstat(file.get(), &found) != 0 || !S_ISSOCK(found.st_mode) || found.st_uid != ::geteuid() ||
        ::fchownat(file.get(), "", owner.st_uid, owner.st_gid, AT_EMPTY_PATH) != 0)
        throw std::system_error(EPERM, std::generic_category(), "giving " + socket.string() + " to python.user");
}

}  // namespace

struct PythonQuestions::State {
    struct Session {
        explicit Session(stream_protocol::socket accepted) : socket(std::move(accepted)), connection(socket.native_handle()) {}
        stream_protocol::socket socket;
        PythonConnection connection;
        bool has_collided = false;  // its last transaction, with another
    };

    State(const async::environment& environment, QuestionSources known, PythonTransaction::Limits longest)
        : where(environment),
          sources(std::move(known)),
          limits(longest),
          acceptor(environment.executor),
          pause(environment.executor),
          scope(environment, &report) {}

    static void report(std::string_view name, const std::exception_ptr& failure) {
        framework_log().error("{}: {}", name, callbacks::message_of(failure));
    }

    void accept();
    void accept_later();
    static async::task<void> serve(std::shared_ptr<State> self, std::shared_ptr<Session> session);
    static async::task<void> talk(State& self, Session& session);
    static async::task<bool> send(Session& session, std::string answer);
    static async::task<bool> transact(State& self, Session& session, JsonDict question);
    static async::task<void> run(ModuleApi& api, std::string description, std::shared_ptr<PythonTransaction> transaction);
    static async::task<bool> tell_end(State& self, Session& session, const PythonTransaction& transaction, std::string name,
                                      std::exception_ptr failure);
    /// The answer, as JSON.
    [[nodiscard]] static async::task<std::string> look(State& self, JsonDict question);
    [[nodiscard]] std::string look_at_once(const JsonDict& question) const;
    [[nodiscard]] static std::string look_from_elsewhere(const std::weak_ptr<State>& self, const JsonDict& question);
    static async::task<void> look_for(std::shared_ptr<State> self, std::shared_ptr<std::promise<std::string>> who,
                                      JsonDict question);

    const async::environment& where;
    QuestionSources sources;
    PythonTransaction::Limits limits;
    stream_protocol::acceptor acceptor;
    boost::asio::steady_timer pause;
    std::list<std::shared_ptr<Session>> sessions;
    std::size_t transactions = 0;
    async::notification transaction_ended;
    bool is_closed = false;
    std::weak_ptr<State> itself;
    async::scope scope;  // of what uses the rest
};

PythonQuestions::PythonQuestions(const async::environment& where, const std::filesystem::path& directory,
                                 QuestionSources sources, PythonTransaction::Limits limits)
    : state_(std::make_shared<State>(where, std::move(sources), limits)) {
    state_->itself = state_;
    const std::filesystem::path path = directory / "host.sock";
    try {
        state_->acceptor.open();
        state_->acceptor.bind(stream_protocol::endpoint(path.string()));
        state_->acceptor.listen();
    } catch (const boost::system::system_error& error) {
        throw std::system_error(error.code(), "listening on " + path.string());
    }
    give_to_owner_of(directory, path);
    state_->accept();
}

PythonQuestions::~PythonQuestions() = default;

async::task<void> PythonQuestions::close() {
    const std::shared_ptr<State> state = state_;
    if (!std::exchange(state->is_closed, true)) {
        boost::system::error_code lost;
        state->acceptor.close(lost);
        state->pause.cancel();
        // Not closed: a thread of the database may wait for it, and sees its end then.
        for (const auto& session : state->sessions) session->socket.shutdown(stream_protocol::socket::shutdown_both, lost);
        state->transaction_ended.notify_all();
    }
    async::task<void> joining = state->scope.join();
    co_await std::move(joining);
}

void PythonQuestions::State::accept() {
    // Not in the scope: who is destroyed before the executor has run has nothing to wait for.
    acceptor.async_accept([weak = itself](const boost::system::error_code& error, stream_protocol::socket socket) {
        const std::shared_ptr<State> self = weak.lock();
        if (self == nullptr || self->is_closed) return;
        if (error) return self->accept_later();
        if (self->sessions.size() < most_connections) {
            auto session = std::make_shared<Session>(std::move(socket));
            self->sessions.push_back(session);
            self->scope.spawn("questions of a Python process", serve(self, std::move(session)));
        }
        self->accept();
    });
}

void PythonQuestions::State::accept_later() {
    // This process has no descriptors left, for one.
    constexpr auto a_while = std::chrono::milliseconds(100);
    pause.expires_after(a_while);
    pause.async_wait([weak = itself](const boost::system::error_code& error) {
        const std::shared_ptr<State> self = weak.lock();
        if (self != nullptr && !self->is_closed && !error) self->accept();
    });
}

async::task<void> PythonQuestions::State::serve(std::shared_ptr<State> self, std::shared_ptr<Session> session) {
    std::exception_ptr failure;
    try {
        async::task<void> talking = talk(*self, *session);
        co_await std::move(talking);
    } catch (const BadFrame& error) {
        framework_log().warn("a thread of a Python process is asked no more: {}", error.what());
    } catch (...) {
        failure = std::current_exception();
    }
    self->sessions.remove(session);
    if (failure) std::rethrow_exception(failure);
}

async::task<void> PythonQuestions::State::talk(State& self, Session& session) {
    while (!self.is_closed) {
        std::optional<JsonDict> question = session.connection.next();
        if (!question) {
            auto waiting =
                session.socket.async_wait(stream_protocol::socket::wait_read, boost::asio::as_tuple(async::use_task));
            const auto [error] = co_await std::move(waiting);
            if (error || !session.connection.receive()) co_return;
            continue;
        }
        const JsonValue* const asked = question->if_contains("do");
        if (asked == nullptr || !asked->is_string()) throw BadFrame("it asked what is no question");
        bool goes_on = false;
        if (*asked == "begin") {
            async::task<bool> transacting = transact(self, session, *std::move(question));
            goes_on = co_await std::move(transacting);
        } else {
            async::task<std::string> looking = look(self, *std::move(question));
            std::string answer = co_await std::move(looking);
            async::task<bool> sending = send(session, std::move(answer));
            goes_on = co_await std::move(sending);
        }
        if (!goes_on) co_return;
    }
}

async::task<bool> PythonQuestions::State::send(Session& session, std::string answer) {
    bool is_open = false;
    try {
        is_open = session.connection.send_text(std::move(answer));
    } catch (const std::length_error& error) {
        is_open = session.connection.send(failed_question("DataError", error.what()));
    }
    while (is_open && session.connection.has_unsent()) {
        auto waiting = session.socket.async_wait(stream_protocol::socket::wait_write, boost::asio::as_tuple(async::use_task));
        const auto [error] = co_await std::move(waiting);
        is_open = !error && session.connection.flush();
    }
    co_return is_open;
}

async::task<std::string> PythonQuestions::State::look(State& self, JsonDict question) {
    if (question.at("do") != "state_all") co_return self.look_at_once(question);
    std::exception_ptr failure;
    try {
        // Taken out at once: whose state it is may end meanwhile.
        async::task<std::string> writing = written_in_slices(events_of(*state_in(self.sources, question)));
        const std::string written = co_await std::move(writing);
        co_return "{\"result\":" + written + "}";
    } catch (const async::operation_cancelled&) {
        throw;
    } catch (const std::length_error& error) {
        co_return boost::json::serialize(failed_question("DataError", error.what()));
    } catch (...) {
        failure = std::current_exception();
    }
    co_return boost::json::serialize(failed_question(failure));
}

std::string PythonQuestions::State::look_at_once(const JsonDict& question) const {
    const JsonValue& asked = question.at("do");
    JsonDict answer;
    try {
        if (asked == "state")
            answer = looked_up(*state_in(sources, question), question);
        else if (asked == "rollback")
            answer["result"] = JsonDict();
        else if (asked == "execute" || asked == "execute_many" || asked == "commit")
            answer = failed_question("ProgrammingError", "no transaction is open");
        else
            throw std::invalid_argument("there is no such question");
    } catch (...) {
        answer = failed_question(std::current_exception());
    }
    return boost::json::serialize(answer);
}

async::task<void> PythonQuestions::State::look_for(std::shared_ptr<State> self, std::shared_ptr<std::promise<std::string>> who,
                                                   JsonDict question) {
    try {
        async::task<std::string> looking = look(*self, std::move(question));
        std::string answer = co_await std::move(looking);
        who->set_value(std::move(answer));
    } catch (...) {
        who->set_exception(std::current_exception());
    }
}

std::string PythonQuestions::State::look_from_elsewhere(const std::weak_ptr<State>& self, const JsonDict& question) {
    const std::shared_ptr<State> state = self.lock();
    if (state == nullptr) throw std::runtime_error("the process is being ended");
    auto promise = std::make_shared<std::promise<std::string>>();
    std::future<std::string> answer = promise->get_future();
    boost::asio::post(state->where.executor, [state, promise, question] {
        // Before the scope ends: whoever waits here is a transaction of its.
        state->scope.spawn("a look into a room's state", look_for(state, promise, question));
    });
    return answer.get();
}

async::task<bool> PythonQuestions::State::transact(State& self, Session& session, JsonDict question) {
    while (self.transactions >= most_transactions && !self.is_closed) {
        auto waiting = self.transaction_ended.wait();
        co_await waiting;
    }
    if (self.is_closed) co_return false;
    const std::string entry = text_in(question, "entry");
    ModuleApi* const api = self.sources.api_of(entry);
    if (api == nullptr) {
        std::string refused =
            boost::json::serialize(failed_question("ProgrammingError", "there is no module of this name any more"));
        async::task<bool> sending = send(session, std::move(refused));
        co_return co_await std::move(sending);
    }
    const std::string description = text_in(question, "description");
    const auto look = [state = self.itself](const JsonDict& other) { return look_from_elsewhere(state, other); };
    PythonTransaction::Limits limits = self.limits;
    limits.whole = environment_of(*api).interaction_limit(registrations_of(*api));
    const auto transaction =
        std::make_shared<PythonTransaction>(session.connection, registrations_of(*api).module, limits, look);
    if (session.has_collided) transaction->keep_others_from_writing();
    std::exception_ptr failure;
    ++self.transactions;
    try {
        async::task<void> running = run(*api, description, transaction);
        if (self.sources.run_within) {
            const JsonValue* const call = question.if_contains("call");
            running = self.sources.run_within(entry, call != nullptr ? *call : JsonValue(), std::move(running));
        }
        co_await std::move(running);
    } catch (...) {
        failure = std::current_exception();
    }
    session.has_collided = transaction->has_collided();
    --self.transactions;
    self.transaction_ended.notify_all();
    async::task<bool> telling = tell_end(self, session, *transaction, entry + ": " + description, std::move(failure));
    co_return co_await std::move(telling);
}

async::task<void> PythonQuestions::State::run(ModuleApi& api, std::string description,
                                              std::shared_ptr<PythonTransaction> transaction) {
    // Whether a run in shadow mode asks can be seen from here on.
    co_await async::reschedule();
    ModuleEnvironment& environment = environment_of(api);
    ModuleRegistrations& registrations = registrations_of(api);
    std::string name = std::move(description) + " of module " + registrations.module;
    const auto counted = [&](async::task<void> interaction) {
        return WorkStatistics::counted(registrations.database, std::move(interaction));
    };
    const async::context& here = co_await async::this_context;
    if (environment.shadow_runs.on_stack() == nullptr) {
        async::task<void> interaction =
            counted(environment.database.run_apart(lease_of_call(api), environment.interaction_limit(registrations),
                                                   std::move(name), &PythonTransaction::lead, std::move(transaction)));
        co_await std::move(interaction);
        co_return;
    }
    transaction->only_look();
    std::exception_ptr refused;
    try {
        async::task<void> interaction =
            counted(environment.database.read_apart(std::move(name), &PythonTransaction::lead, std::move(transaction)));
        co_await std::move(interaction);
        co_return;
    } catch (const WriteRefused&) {
        refused = std::current_exception();
    }
    refuse_in_shadow(here, "run_db_interaction");
    std::rethrow_exception(refused);
}

async::task<bool> PythonQuestions::State::tell_end(State& self, Session& session, const PythonTransaction& transaction,
                                                   std::string name, std::exception_ptr failure) {
    using End = PythonTransaction::End;
    if (transaction.end() == End::too_slow && !self.is_closed)
        framework_log().warn("the transaction {} was rolled back: its next statement didn't come in time{}", name,
                             transaction.kept_others_waiting() ? ", and nobody else could write meanwhile" : "");
    if (transaction.end() == End::gone || transaction.end() == End::too_slow || self.is_closed) co_return false;
    JsonDict answer;
    if (!failure || (transaction.end() == End::rollback))
        answer["result"] = JsonDict();
    else if (transaction.is_to_be_run_again())
        answer = failed_question("OperationalError", "the transaction collided with another", true);
    else if (transaction.end() == End::commit || !transaction.has_begun())
        answer = failed_question(failure);
    else
        co_return false;  // in the middle of a statement: there is nothing that this could answer
    async::task<bool> sending = send(session, boost::json::serialize(answer));
    co_return co_await std::move(sending);
}

}  // namespace modapi
