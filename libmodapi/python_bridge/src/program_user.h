#pragma once

#include "started_program.h"

#include <cstdint>
#include <optional>
#include <string>

namespace modapi {

/// The user of this name, with all its groups. Errors: std::runtime_error: there is none, or this process may not become it.
[[nodiscard]] ProgramUser user_of(const std::string& name);
/// The name of a user, for a log; its number where it has none.
[[nodiscard]] std::string name_of(uid_t user);
/// How many processes and threads this user has now on this machine, as the kernel counts them for a limit. Cost: a read for
/// each process of the machine.
[[nodiscard]] std::uint64_t tasks_of(uid_t user);

}  // namespace modapi
