#include <async/task.h>

#include <cstdio>
#include <cstdlib>

namespace async::detail {

void dropped_running_task() noexcept {
    std::fputs("async::task: a task that was started and isn't finished was dropped; await it, or give it to a scope\n", stderr);
    std::abort();
}

}  // namespace async::detail
