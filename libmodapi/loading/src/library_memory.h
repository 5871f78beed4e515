#pragma once

namespace modapi {

/// Puts copies in the place of a loaded library's memory, as far as it is its file's: whoever overwrites the file would change
/// code that runs, and whoever shortens it take it away. Nothing moves, and the library keeps its name and its folder. `handle`
/// is what dlopen gave; none of the library's functions runs meanwhile on another thread. Does nothing where the system forbids
/// it.
void keep_in_memory(void* handle) noexcept;

}  // namespace modapi
