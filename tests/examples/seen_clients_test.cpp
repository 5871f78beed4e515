#include "seen_clients.h"
#include "mail/mailer.h"
#include "notifier.h"
#include "presence_interests.h"
#include "registration_turns.h"
#include "rooms/room_deletions.h"
#include "rooms/signing_key.h"
#include "schema.h"
#include "server_process.h"
#include "server_worker.h"

#include <modapi/database.h>
#include <modapi/hosting/invalidation_bus.h>

#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace homeserver;
using namespace std::chrono_literals;
using Row = std::tuple<std::string, std::string, std::int64_t>;  // address, user agent, seconds since the test began

std::vector<Row> all_rows(modapi::Transaction& transaction, std::int64_t start) {
    auto rows = transaction.query<std::string, std::string, std::int64_t>(
        "SELECT ip, user_agent, last_seen FROM user_ips ORDER BY last_seen, ip");
    for (auto& [ip, agent, last_seen] : rows) last_seen = (last_seen - start) / 1000;
    return rows;
}

/// A worker on a clock that the test moves.
class SeenClientsTest : public testing::Test {
protected:
    SeenClientsTest() {
        create_schema(*database);
        start = worker.now_ms();
    }
    ~SeenClientsTest() override { wait(worker.background().join()); }

    static modapi::DatabaseSettings in_memory() {
        modapi::DatabaseSettings settings;
        settings.database = ":memory:";
        return settings;
    }
    static modapi::WorkerSettings without_background_tasks() {
        modapi::WorkerSettings settings;
        settings.run_background_tasks = false;
        return settings;
    }
    template <class T>
    T wait(async::task<T> task) {
        return async::sync_wait(io, std::move(task), clock);
    }
    void note(const std::string& ip) {
        SeenClient client;
        client.user_id = "@alice:hs.test";
        client.device_id = "D";
        client.ip = ip;
        client.user_agent = "a browser";
        worker.seen_clients().note(client);
    }
    /// What is in the table when all that is to be written is written.
    std::vector<Row> rows() {
        wait(worker.background().join());
        return wait(database->read("all_rows", &all_rows, start));
    }
    void advance(async::clock::duration length) { clock.move_to(clock.now() + length); }

    homeserver_test::TemporaryFolder folder;
    boost::asio::io_context io{1};
    async::testing::virtual_clock clock;
    async::environment environment{io.get_executor(), clock};
    boost::asio::thread_pool pool{1};
    std::unique_ptr<modapi::Database> database = modapi::Database::open(in_memory());
    ServerConfiguration configuration;
    Notifier notifier;
    SigningKey key = SigningKey::load_or_create(folder.path() / "signing.key");
    PresenceInterests interests;
    RoomDeletions deletions;
    RegistrationTurns turns;
    Mailer mailer{configuration.mail, configuration.server_name};
    Shared shared{configuration, *database,           notifier,           key, interests, deletions, turns,
                  mailer,        pool.get_executor(), pool.get_executor()};
    modapi::InProcessInvalidationBus bus;
    ServerWorker worker{shared, environment, bus, without_background_tasks()};
    std::int64_t start = 0;
};

TEST_F(SeenClientsTest, AClientIsWrittenDownOnceAMinute) {
    note("10.0.0.1");
    EXPECT_EQ(rows(), (std::vector<Row>{{"10.0.0.1", "a browser", 0}}));
    advance(59s);
    note("10.0.0.1");
    EXPECT_EQ(rows(), (std::vector<Row>{{"10.0.0.1", "a browser", 0}}));
    advance(1s);
    note("10.0.0.1");
    EXPECT_EQ(rows(), (std::vector<Row>{{"10.0.0.1", "a browser", 60}}));
}

TEST_F(SeenClientsTest, ClientsThatComeWhileOthersAreWrittenAreWrittenToo) {
    for (const char* ip : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) note(ip);
    EXPECT_EQ(worker.background().running(), 1U) << "one task writes them all";
    EXPECT_EQ(rows().size(), 3U);
    note("10.0.0.4");
    EXPECT_EQ(rows().size(), 4U);
}

TEST_F(SeenClientsTest, WhatIsOlderThanThirtyDaysIsDropped) {
    note("10.0.0.1");
    EXPECT_EQ(rows().size(), 1U);
    advance(24h * 30);
    note("10.0.0.2");
    EXPECT_EQ(rows().size(), 2U);
    advance(1s);
    note("10.0.0.3");
    const std::vector<Row> left = rows();
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(std::get<0>(left[0]), "10.0.0.2");
}

TEST_F(SeenClientsTest, MoreClientsThanAreRememberedAreAllWritten) {
    for (int number = 0; number < 10'050; ++number) note("address " + std::to_string(number));
    EXPECT_EQ(rows().size(), 10'050U);
}

}  // namespace
