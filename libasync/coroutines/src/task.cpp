#include <async/task.h>

#include <cstdio>
#include <cstdlib>

namespace async::detail {

namespace {

constinit thread_local int permissions = 0;

}  // namespace

running_tasks_may_be_dropped::running_tasks_may_be_dropped() noexcept { ++permissions; }
running_tasks_may_be_dropped::~running_tasks_may_be_dropped() { --permissions; }

void dropped_running_task() noexcept {
    if (permissions > 0) return;
    std::fputs("async::task: a task that was started and isn't finished was dropped; await it, or give it to a scope\n",
               stderr);
    std::abort();
}

}  // namespace async::detail
