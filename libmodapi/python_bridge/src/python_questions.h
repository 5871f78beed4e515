#pragma once

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <async/task.h>

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
    std::function<ModuleApi*(const std::string& entry)> api_of;
    /// A state that is kept; null: it isn't any more.
    std::function<std::shared_ptr<const callbacks::StateMap>(std::int64_t handle)> state_of;
};

/// Answers what threads of a process ask on `host.sock` of its private directory and wait for: transactions, statement by
/// statement, and looks into rooms' states.
///
/// A transaction is a ModuleApi::run_db_interaction of the module: with its limits, its statistics, its name in the log; its
/// statements run on the database's thread. It is rolled back when the connection closes, and when the next statement doesn't come in
/// time. Thread: the worker's. Lifetime: `close` was awaited before the destructor.
class PythonQuestions {
public:
    /// Listens. Errors: std::system_error.
    PythonQuestions(const async::environment& where, const std::filesystem::path& directory, QuestionSources sources);
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
