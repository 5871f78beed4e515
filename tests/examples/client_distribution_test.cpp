#include "process/client_distribution.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <utility>

/// Who gets a client that was let in. Both sides of each connection are here.
namespace {

using boost::asio::ip::tcp;
using homeserver::ClientDistribution;

class ClientDistributionTest : public testing::Test {
protected:
    ClientDistributionTest() : before_(spdlog::default_logger()) {
        spdlog::set_default_logger(
            std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
    }
    ~ClientDistributionTest() override { spdlog::set_default_logger(before_); }

    /// A client whose other side is given to the workers.
    tcp::socket let_in(ClientDistribution& distribution) {
        tcp::socket client(io);
        client.connect(acceptor.local_endpoint());
        distribution.give(acceptor.accept(), true);
        return client;
    }

    std::ostringstream log;
    boost::asio::io_context io;
    tcp::acceptor acceptor{io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};

private:
    std::shared_ptr<spdlog::logger> before_;
};

TEST_F(ClientDistributionTest, ClosesAClientThatAWorkerFailsToServeAndGoesOn) {
    std::optional<tcp::socket> served;
    bool has_memory = false;
    const auto serve = [&](tcp::socket client, bool x_forwarded) {
        if (!has_memory) throw std::bad_alloc();
        EXPECT_TRUE(x_forwarded) << "as it was given";
        served.emplace(std::move(client));
    };
    ClientDistribution distribution(io, {ClientDistribution::Worker{io.get_executor(), serve}});
    tcp::socket failed = let_in(distribution);
    EXPECT_NO_THROW(io.poll());
    std::array<char, 1> byte{};
    boost::system::error_code error;
    EXPECT_EQ(failed.read_some(boost::asio::buffer(byte), error), 0U);
    EXPECT_EQ(error, boost::asio::error::eof);
    EXPECT_NE(log.str().find("a client couldn't be let in: std::bad_alloc"), std::string::npos) << log.str();

    has_memory = true;
    const tcp::socket next = let_in(distribution);
    io.poll();
    ASSERT_TRUE(served.has_value());
    EXPECT_EQ(served->remote_endpoint(), next.local_endpoint());
    distribution.stop();
}

}  // namespace
