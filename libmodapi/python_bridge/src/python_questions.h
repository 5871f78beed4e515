#pragma once

#include "python_transaction.h"

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace async {
struct environment;
}

namespace modapi {

class ModuleApi;

/// What questions are about, found by who knows the process's modules.
struct QuestionSources {
    /// The module of an entry; null: there is none of that name.
    std::function<ModuleApi*(const std::string& entry)> api_of{};
    /// A state that is kept; null: it isn't any more.
    std::function<std::shared_ptr<const callbacks::StateMap>(std::int64_t handle)> state_of{};
    /// Has work of an entry run in the chain of the call that it belongs to, which waits for it; by itself where there is none,
    /// or it has ended. Empty: all runs by itself. Errors: the work's.
    std::function<async::task<void>(std::string entry, callbacks::JsonValue call, async::task<void> work)> run_within{};
};

/// Answers what threads of a process ask on `host.sock` of its private directory and wait for: transactions, statement by
/// statement, and looks into rooms' states.
///
/// A transaction is what ModuleApi::run_db_interaction would be for the module: with its limits, its statistics, its name in
/// the log; apart from those of others (Database::run_apart). Its statements run on the database's thread, which talks to the
/// process meanwhile: they need no turn of the worker's. It is rolled back when the connection closes, and when the next
/// statement doesn't come in time. Thread: the worker's. Lifetime: `close` was awaited before the destructor.
class PythonQuestions {
public:
    /// Threads of one process that may ask; one more is turned away.
    static constexpr std::size_t most_connections = 64;
    /// Transactions of one process at a time; one more waits until one of them has ended.
    static constexpr std::size_t most_transactions = 5;

    /// Listens. The directory's owner may connect. Errors: std::system_error.
    PythonQuestions(const async::environment& where, const std::filesystem::path& directory, QuestionSources sources,
                    PythonTransaction::Limits limits = PythonTransaction::Limits());
    ~PythonQuestions();
    PythonQuestions(const PythonQuestions&) = delete;
    PythonQuestions& operator=(const PythonQuestions&) = delete;

    /// Closes all connections, rolls back what is open and waits for that.
    [[nodiscard]] async::task<void> close();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace modapi
