#include <async/suspension.h>

#include <async/frame_allocator.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

namespace async {

environment::environment(boost::asio::any_io_executor runs_on, async::clock& time)
    : executor(std::move(runs_on)), clock(&time) {
    const auto* const of_context = executor.target<boost::asio::io_context::executor_type>();
    if (of_context != nullptr) io = &of_context->context();
}

namespace detail {

void post_resume(const context& here, std::coroutine_handle<> waiting) {
    namespace execution = boost::asio::execution;
    const auto resume = [waiting, &here] { resume_observed(waiting, here); };
    if (here.environment->io != nullptr) {
        // What `post` would do, without its look at whose executor the handler wants to run on.
        const auto never_inline = boost::asio::require(here.environment->io->get_executor(), execution::blocking.never);
        boost::asio::prefer(never_inline, execution::allocator(recycling_allocator<void>())).execute(resume);
    } else {
        boost::asio::post(here.executor(), boost::asio::bind_allocator(recycling_allocator<void>(), resume));
    }
}

void suspension::cancel(cancel_reason reason) {
    if (!waiting_) return;
    woken_by_ = reason;
    on_cancelled();
    wake();
}

void suspension::wake() noexcept {
    if (const std::coroutine_handle<> waiting = finish()) post_resume(*here_, waiting);
}

}  // namespace detail
}  // namespace async
