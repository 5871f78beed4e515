#pragma once

#include <modapi/database.h>

#include <cstdint>
#include <string>
#include <vector>

/// Turns as other processes see them: one row for each that somebody has, of the table `turns`. Each ends by itself, so that a
/// process that stands still or is gone holds nothing. Every function is for use inside a transaction.
namespace homeserver {

/// A turn lasts so long after it was taken or renewed.
inline constexpr std::int64_t turn_lasts_ms = 8'000;

/// Takes or renews a turn; false: another has it. `own_ms`: as of shared_time_ms.
[[nodiscard]] bool take_turn_row(modapi::Transaction& transaction, const std::string& what, const std::string& holder,
                                 std::int64_t own_ms);
void end_turn_row(modapi::Transaction& transaction, const std::string& what, const std::string& holder);
/// Whether somebody else has a turn at it.
[[nodiscard]] bool has_turn_of_another(modapi::Transaction& transaction, const std::string& what, const std::string& holder,
                                       std::int64_t own_ms);

/// On PostgreSQL: forgets those that processes had which were killed, and that have ended.
void forget_old_turns(modapi::Transaction& transaction);

[[nodiscard]] std::vector<std::string> schema_of_turns();

}  // namespace homeserver
