#include <async/co_spawn.h>
#include <async/sleep.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

/// The two ways into a task from code that is none.
namespace co_spawn_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

async::task<std::string> text_after(async::clock::duration length, std::string text) {
    co_await async::sleep_for(length);
    co_return text;
}
async::task<void> set(bool& flag) {
    flag = true;
    co_return;
}
async::task<void> fail() {
    co_await async::reschedule();
    throw std::runtime_error("no");
}
async::task<std::unique_ptr<int>> make_pointer() { co_return std::make_unique<int>(4); }

TEST(CoSpawn, StartsNothingFromInsideItsCall) {
    asio::io_context io(1);
    bool ran = false;
    async::co_spawn(async::environment(io.get_executor()), set(ran), asio::detached);
    EXPECT_FALSE(ran);
    io.run();
    EXPECT_TRUE(ran);
}

TEST(CoSpawn, GivesTheHandlerTheExceptionOrTheValue) {
    asio::io_context io(1);
    const async::environment environment(io.get_executor());
    std::string text;
    bool failed = false;
    int pointed_at = 0;
    async::co_spawn(environment, text_after(1ms, "text"), [&](std::exception_ptr failure, std::string given) {
        EXPECT_FALSE(failure);
        text = std::move(given);
    });
    async::co_spawn(environment, fail(), [&](std::exception_ptr failure) { failed = failure != nullptr; });
    async::co_spawn(environment, make_pointer(), [&](std::exception_ptr, std::unique_ptr<int> made) { pointed_at = *made; });
    io.run();
    EXPECT_EQ(text, "text");
    EXPECT_TRUE(failed);
    EXPECT_EQ(pointed_at, 4);
}

TEST(CoSpawn, CompletesOnTheHandlersOwnExecutor) {
    asio::io_context io(1);
    asio::io_context of_handler(1);
    bool completed = false;
    bool ran = false;
    async::co_spawn(async::environment(io.get_executor()), set(ran),
                    asio::bind_executor(of_handler.get_executor(), [&](std::exception_ptr) { completed = true; }));
    io.run();
    EXPECT_TRUE(ran);
    EXPECT_FALSE(completed);
    of_handler.run();
    EXPECT_TRUE(completed);
}

TEST(CoSpawn, ASignalAfterTheEndDoesNothing) {
    asio::io_context io(1);
    asio::cancellation_signal signal;
    bool ran = false;
    bool failed = true;
    const auto completed = [&](std::exception_ptr failure) { failed = failure != nullptr; };
    async::co_spawn(async::environment(io.get_executor()), set(ran), asio::bind_cancellation_slot(signal.slot(), completed));
    io.run();
    signal.emit(asio::cancellation_type::terminal);
    EXPECT_TRUE(ran);
    EXPECT_FALSE(failed);
}

TEST(CoSpawn, ASignalBeforeTheStartCutsTheFirstAwait) {
    asio::io_context io(1);
    asio::cancellation_signal signal;
    bool cancelled = false;
    const auto completed = [&](std::exception_ptr failure, const std::string&) {
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const async::operation_cancelled& reason) {
            cancelled = reason.reason() == async::cancel_reason::stopping;
        }
    };
    async::co_spawn(async::environment(io.get_executor()), text_after(1h, "never"),
                    asio::bind_cancellation_slot(signal.slot(), completed));
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    EXPECT_TRUE(cancelled);
}

TEST(CoSpawn, DropsATaskWhoseExecutorEndsBeforeItStarts) {
    const auto held = std::make_shared<int>(1);
    const auto hold = [](std::shared_ptr<int>) -> async::task<void> { co_return; };
    {
        asio::io_context io(1);
        async::co_spawn(async::environment(io.get_executor()), hold(held), asio::detached);
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(CoSpawn, ReadsTheClockOfItsEnvironment) {
    async::testing::simulation time;
    std::string text;
    async::co_spawn(time.environment(), text_after(1h, "an hour"),
                    [&](std::exception_ptr, std::string given) { text = std::move(given); });
    time.advance(59min);
    EXPECT_EQ(text, "");
    time.advance(1min);
    EXPECT_EQ(text, "an hour");
}

TEST(SyncWait, RunsOtherWorkOfItsExecutorToo) {
    asio::io_context io(1);
    bool posted = false;
    asio::post(io, [&] { posted = true; });
    EXPECT_EQ(async::sync_wait(io, text_after(1ms, "text")), "text");
    EXPECT_TRUE(posted);
}

TEST(SyncWait, GivesValuesThatOnlyMoveAndNothing) {
    EXPECT_EQ(*async::sync_wait(make_pointer()), 4);
    bool ran = false;
    async::sync_wait(set(ran));
    EXPECT_TRUE(ran);
    EXPECT_THROW(async::sync_wait(fail()), std::runtime_error);
}

TEST(SyncWait, CanBeCalledAgainOnTheSameExecutor) {
    asio::io_context io(1);
    for (const char* const text : {"first", "second"}) EXPECT_EQ(async::sync_wait(io, text_after(0s, text)), text);
}

TEST(SyncWait, GoesOnWhenSomebodyStopsTheExecutor) {
    asio::io_context io(1);
    asio::post(io, [&] { io.stop(); });
    EXPECT_EQ(async::sync_wait(io, text_after(2ms, "text")), "text");
}

TEST(SyncWait, KeepsTheExceptionOfAForeignHandlerUntilTheTaskIsDone) {
    asio::io_context io(1);
    bool ran = false;
    asio::post(io, [] { throw std::out_of_range("foreign"); });
    EXPECT_THROW(async::sync_wait(io, set(ran)), std::out_of_range);
    EXPECT_TRUE(ran);
}

}  // namespace co_spawn_test
