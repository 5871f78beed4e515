#pragma once

namespace modapi {

/// Writes a line for each module library whose code a thread is in the middle of when the program doesn't end: of the main thread, or
/// else of any other; false: there is none. Interrupts the threads for it: of use only before the program is ended. Allocates
/// nothing.
[[nodiscard]] bool name_threads_in_modules() noexcept;

}  // namespace modapi
