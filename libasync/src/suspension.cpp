#include <async/suspension.h>

#include <async/frame_allocator.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>

namespace async::detail {

void post_resume(const context& here, std::coroutine_handle<> waiting) {
    boost::asio::post(here.executor(), boost::asio::bind_allocator(recycling_allocator<void>(),
                                                                   [waiting, &here] { resume_noted(waiting, here); }));
}

suspension::cancel_link::cancel_link(suspension& owner_) noexcept
    : cancellation_registration([](cancellation_registration& self, cancel_reason reason) {
          suspension& woken = static_cast<cancel_link&>(self).owner;
          if (!woken.waiting_) return;
          woken.woken_by_ = reason;
          woken.on_cancelled();
          woken.wake();
      }),
      owner(owner_) {}

void suspension::wake() noexcept {
    if (const std::coroutine_handle<> waiting = finish()) post_resume(*here_, waiting);
}

}  // namespace async::detail
