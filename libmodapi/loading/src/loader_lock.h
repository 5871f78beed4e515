#pragma once

namespace modapi {

/// Gives back what the dynamic loader keeps when an exception leaves it, as that of a library's static object does: it holds
/// its lock then, and every other thread that loads a library, asks for an address' library or touches a library's thread-local
/// object first would wait for ever. By the thread that caught the exception. Does nothing with a loader other than glibc's.
void release_loader_lock() noexcept;

}  // namespace modapi
