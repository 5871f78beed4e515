#pragma once

#include "said_events.h"

#include <callbacks/json.h>

#include <async/task.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace modapi {

class ModuleApi;
class PythonCalls;

/// What an operation gives: a value of the protocol, or events that are to be made one, which may be many.
using OperationAnswer = std::variant<callbacks::JsonValue, SaidEvents>;

/// Does what a module asks for in its process: the members of ModuleApi, and what else PROTOCOL.md lists.
///
/// `arguments` are by name. Errors: as of the member; callbacks::ConfigError never;
/// std::invalid_argument for arguments that are missing or of another kind; ServiceNotOffered for an unknown member.
/// Cancel: as of the member. Lifetime: `api` and `calls` outlive the task.
[[nodiscard]] async::task<OperationAnswer> perform_operation(ModuleApi& api, PythonCalls& calls, std::string member,
                                                             callbacks::JsonDict arguments);

/// Whether it may only run within the call that it comes of, which waits for it then: what looks at rooms and events or changes
/// something. What only waits for others, as an HTTP request does, goes on by itself.
[[nodiscard]] bool belongs_to_call(std::string_view member) noexcept;

/// Whether its answer may be so many events that a few of them fill the memory. It runs no callbacks.
[[nodiscard]] bool gives_many_events(std::string_view member) noexcept;

/// All members that may be asked for, in the order of the alphabet. Static strings.
[[nodiscard]] std::vector<std::string_view> offered_operations();

}  // namespace modapi
