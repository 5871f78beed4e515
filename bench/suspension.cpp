#include "scenario.h"

#include <async/co_spawn.h>
#include <async/frame_allocator.h>
#include <async/sleep.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

/// Once through the executor.
namespace bench {

namespace {

namespace asio = boost::asio;

/// The floor: a handler that posts itself, with recycled memory, as often as it is asked to.
struct Repost {
    asio::io_context& io;
    std::size_t left;
    void operator()() {
        if (left == 0) return;
        asio::post(io, asio::bind_allocator(async::detail::recycling_allocator<void>(), Repost{io, left - 1}));
    }
};

async::task<void> reschedule_often(std::size_t count) {
    for (std::size_t turn = 0; turn < count; ++turn) co_await async::reschedule();
}
asio::awaitable<void> post_often(std::size_t count) {
    const auto executor = co_await asio::this_coro::executor;
    for (std::size_t turn = 0; turn < count; ++turn) co_await asio::post(executor, asio::use_awaitable);
}

}  // namespace

void add_suspension_scenarios(std::vector<Scenario>& into) {
    into.push_back({"asio_post", [] {
                        return [io = std::make_shared<asio::io_context>(1)](std::size_t count) {
                            io->restart();
                            Repost{*io, count}();
                            io->run();
                        };
                    }});
    into.push_back({"suspend_and_resume", [] {
                        return [io = std::make_shared<asio::io_context>(1)](std::size_t count) {
                            io->restart();
                            async::co_spawn(async::environment(io->get_executor()), reschedule_often(count),
                                            [](std::exception_ptr) {});
                            io->run();
                        };
                    }});
    into.push_back({"asio_awaitable_post", [] {
                        return [io = std::make_shared<asio::io_context>(1)](std::size_t count) {
                            io->restart();
                            asio::co_spawn(*io, post_often(count), asio::detached);
                            io->run();
                        };
                    }});
}

}  // namespace bench
