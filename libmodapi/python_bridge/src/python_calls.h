#pragma once

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace modapi {

/// An object that stays in the process: a response callback, a context manager. Of one life of the process: afterwards it is
/// gone.
struct PythonHandle {
    std::uint64_t life = 0;
    std::int64_t number = 0;
};

/// What a callback gave.
struct PythonAnswer {
    callbacks::JsonValue result{};
    std::uint64_t life = 0;                  ///< of the process; handles in `result` are of it
    std::vector<std::string> soft_failed{};  ///< ids of events that the callback has marked
    callbacks::JsonDict changed{};           ///< arguments that may be changed and were, by their places from "0"
};

/// One module in its process, as its callbacks ask it.
///
/// Errors of all that is awaited: PythonGone at once where there is no process now, and when it ends meanwhile; what
/// throw_python_error makes of an error that it answers. Cancel: the process is told, and the caller goes on at once.
/// Operations that come of a call run within its chain (depth, trace, the group of events that it is about). Thread: the
/// worker's. Lifetime: that of the module's instance.
class PythonCalls {
public:
    virtual ~PythonCalls() = default;

    /// Has the callback at this place of `construct`'s list run.
    [[nodiscard]] virtual async::task<PythonAnswer> call(std::size_t callback, callbacks::JsonArray arguments) = 0;
    /// Likewise for many lists of arguments with one message; an answer or an error for each, as the protocol has them.
    [[nodiscard]] virtual async::task<callbacks::JsonArray> batch(std::size_t callback, callbacks::JsonArray lists) = 0;
    [[nodiscard]] virtual async::task<callbacks::JsonValue> enter(PythonHandle manager) = 0;
    /// `failure` is null or what the part between threw; whether it is swallowed.
    [[nodiscard]] virtual async::task<bool> exit(PythonHandle manager, std::exception_ptr failure) = 0;
    [[nodiscard]] virtual async::task<callbacks::JsonValue> respond(PythonHandle callback, callbacks::JsonValue response) = 0;
    virtual void release(PythonHandle handle) noexcept = 0;
    /// Drops what a cached function has for this key, all of it for null.
    virtual void invalidate(std::string function, callbacks::JsonValue key) noexcept = 0;

    /// Keeps a room's state for the process to look into (`$state`), until `drop_state`. The map needn't be the pointer's: it
    /// is the caller's, who drops it before it ends. Whoever looks into it does so between two awaits. Cost: nothing is copied.
    [[nodiscard]] virtual std::int64_t keep_state(std::shared_ptr<const callbacks::StateMap> state) = 0;
    virtual void drop_state(std::int64_t handle) noexcept = 0;
};

}  // namespace modapi
