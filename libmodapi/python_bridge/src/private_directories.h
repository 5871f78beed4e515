#pragma once

#include "owned_descriptor.h"

#include <filesystem>

namespace modapi {

/// What a private directory of a Python process is called, for mkdtemp.
[[nodiscard]] std::filesystem::path private_directory_template();
/// Says that somebody uses it, as long as the descriptor is open: however this process ends, nobody does then. Errors: std::system_error.
[[nodiscard]] OwnedDescriptor locked_directory(const std::filesystem::path& directory);
/// Removes those that nobody uses, and that have been there for a minute: of servers that were killed. What can't be removed stays.
void remove_left_over_directories() noexcept;

}  // namespace modapi
