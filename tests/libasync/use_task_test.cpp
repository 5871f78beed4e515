#include <async/co_spawn.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>
#include <async/use_task.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <string>

namespace use_task_test {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

/// Two ends of a real connection.
struct Connection {
    explicit Connection(asio::io_context& io) : here(io), there(io) { asio::local::connect_pair(here, there); }
    Socket here;
    Socket there;
};

async::task<std::string> echo(Connection& connection) {
    const std::string sent = "hello";
    co_await asio::async_write(connection.here, asio::buffer(sent), async::use_task);
    std::string received(sent.size(), '\0');
    const std::size_t size = co_await asio::async_read(connection.there, asio::buffer(received), async::use_task);
    EXPECT_EQ(size, sent.size());
    co_return received;
}

TEST(UseTask, AwaitsAsioOperations) {
    asio::io_context io(1);
    Connection connection(io);
    EXPECT_EQ(async::sync_wait(io, echo(connection)), "hello");
}

async::task<std::size_t> read_some(Socket& socket, std::string& into) {
    co_return co_await asio::async_read(socket, asio::buffer(into), async::use_task);
}

TEST(UseTask, AnErrorIsASystemError) {
    asio::io_context io(1);
    Connection connection(io);
    connection.there.close();
    std::string into(1, ' ');
    EXPECT_THROW(async::sync_wait(io, read_some(connection.here, into)), boost::system::system_error);
}

async::task<boost::system::error_code> read_as_value(Socket& socket) {
    std::string into(1, ' ');
    const auto [error, size] = co_await asio::async_read(socket, asio::buffer(into), asio::as_tuple(async::use_task));
    EXPECT_EQ(size, 0U);
    co_return error;
}

TEST(UseTask, AnErrorCanBeAValue) {
    asio::io_context io(1);
    Connection connection(io);
    connection.there.close();
    EXPECT_EQ(async::sync_wait(io, read_as_value(connection.here)), asio::error::eof);
}

TEST(UseTask, ACancellationCutsTheOperation) {
    async::testing::simulation time;
    Connection connection(time.io());
    std::string into(1, ' ');
    const auto reading = time.start(read_some(connection.here, into));
    time.run_ready();
    EXPECT_FALSE(reading.done());
    reading.cancel(async::cancel_reason::stopping);
    time.run_ready();
    ASSERT_TRUE(reading.done());
    EXPECT_THROW(reading.result(), async::operation_cancelled);
}

async::task<int> give(int value) { co_return value; }
async::task<int> throw_something() {
    throw std::runtime_error("no");
    co_return 0;
}

TEST(CoSpawn, StartsATaskFromAsioAndCompletesItsToken) {
    asio::thread_pool pool(1);
    const async::environment environment(pool.get_executor());
    EXPECT_EQ(async::co_spawn(environment, give(4), asio::use_future).get(), 4);
    EXPECT_THROW(async::co_spawn(environment, throw_something(), asio::use_future).get(), std::runtime_error);
    pool.join();
}

TEST(CoSpawn, TheTokensSlotCancelsTheChain) {
    asio::io_context io(1);
    Connection connection(io);
    const async::environment environment(io.get_executor());
    asio::cancellation_signal signal;
    std::string into(1, ' ');
    bool cancelled = false;
    const auto completed = [&](std::exception_ptr failure, std::size_t) {
        try {
            std::rethrow_exception(failure);
        } catch (const async::operation_cancelled&) {
            cancelled = true;
        }
    };
    async::co_spawn(environment, read_some(connection.here, into), asio::bind_cancellation_slot(signal.slot(), completed));
    io.poll();
    signal.emit(asio::cancellation_type::terminal);
    io.run();
    EXPECT_TRUE(cancelled);
}

TEST(SyncWait, GivesTheResultOrTheException) {
    EXPECT_EQ(async::sync_wait(give(9)), 9);
    EXPECT_THROW(async::sync_wait(throw_something()), std::runtime_error);
}

}  // namespace use_task_test
