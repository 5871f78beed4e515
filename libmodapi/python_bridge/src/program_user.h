#pragma once

#include "started_program.h"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace modapi {

/// Whom modules can't run as; says why. The name is that of `python.user`.
class UnfitUser : public std::runtime_error {
public:
    explicit UnfitUser(const std::string& why) : std::runtime_error("python.user: " + why), why_(why) {}
    /// Without the setting's name.
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

private:
    std::string why_;
};

/// The user of this name, with all its groups. Errors: UnfitUser: there is none, this process may not become it, or it is root.
[[nodiscard]] ProgramUser user_of(const std::string& name);
/// The name of a user, for a log; its number where it has none.
[[nodiscard]] std::string name_of(uid_t user);
/// How many processes and threads this user has now on this machine, as the kernel counts them for a limit. Cost: a read for
/// each process of the machine.
[[nodiscard]] std::uint64_t tasks_of(uid_t user);

}  // namespace modapi
