#pragma once

#include <async/context.h>
#include <async/frame_allocator.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

#include <optional>
#include <utility>

namespace async::detail {

/// Has the executor of `where` call `function` later. Its memory comes from the frame pool.
template <class Function>
void post(const environment& where, Function&& function) {
    namespace execution = boost::asio::execution;
    if (where.io != nullptr) {
        // What `post` would do, without an erased type and without its look at whose executor the handler wants to run on.
        const auto never_inline = boost::asio::require(where.io->get_executor(), execution::blocking.never);
        boost::asio::prefer(never_inline, execution::allocator(recycling_allocator<void>()))
            .execute(std::forward<Function>(function));
    } else {
        boost::asio::post(where.executor,
                          boost::asio::bind_allocator(recycling_allocator<void>(), std::forward<Function>(function)));
    }
}

/// Keeps the executor of an environment from running out of work as long as it lives.
class pending_work {
public:
    explicit pending_work(const environment& where) {
        if (where.io != nullptr) {
            of_context_.emplace(
                boost::asio::require(where.io->get_executor(), boost::asio::execution::outstanding_work.tracked));
        } else {
            of_another_.emplace(where.executor);
        }
    }
    pending_work(const pending_work&) = delete;
    pending_work& operator=(const pending_work&) = delete;

private:
    using tracked_executor = std::remove_cvref_t<decltype(boost::asio::require(
        std::declval<boost::asio::io_context::executor_type>(), boost::asio::execution::outstanding_work.tracked))>;

    std::optional<tracked_executor> of_context_;
    std::optional<boost::asio::executor_work_guard<boost::asio::any_io_executor>> of_another_;
};

}  // namespace async::detail
