#include <async/run_on.h>

#include <async/frame_allocator.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace async::detail {

void elsewhere::await_suspend(std::coroutine_handle<> waiting) {
    ran_ = true;
    // The guard keeps the task's own executor running while the work is away.
    boost::asio::executor_work_guard<boost::asio::any_io_executor> home(here_->executor());
    boost::asio::post(executor_, boost::asio::bind_allocator(
                                     recycling_allocator<void>(), [work = work_, state = state_, home = std::move(home), here = here_, waiting] {
                                         work(state);
                                         post_resume(*here, waiting);
                                     }));
}

}  // namespace async::detail
