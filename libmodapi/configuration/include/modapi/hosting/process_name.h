#pragma once

#include <string>
#include <string_view>

namespace modapi {

/// What the process is called that has no `worker_name`, wherever a configuration names processes.
inline constexpr std::string_view main_process = "main";

/// Why no process can be called that, for the end of a message ("must be ..."); empty: it is a name, as `main` is too.
///
/// A name is at most 64 letters, digits, dots, hyphens and underscores. `all` and `background` aren't any: where `run_on` has
/// one of them, it doesn't mean a process.
[[nodiscard]] std::string refusal_of_process_name(std::string_view name);

}  // namespace modapi
