#include "test_database.h"

#include <modapi/hosting/session_lock.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>

/// Locks that last as long as a connection, on a real server.
namespace {

using modapi::DatabaseError;
using modapi::SessionLock;
using postgresql_test::administrate;

class SessionLockTest : public testing::Test {
protected:
    [[nodiscard]] std::unique_ptr<SessionLock> lock(const std::string& name) const {
        return SessionLock::try_lock(test_database.settings(), name);
    }
    void cut_off() const { postgresql_test::cut_off(test_database.name()); }
    void let_log_in(bool may) const {
        administrate("ALTER ROLE \"" + test_database.name() + (may ? "\" LOGIN" : "\" NOLOGIN"));
    }

    TestDatabase test_database;
};

TEST_F(SessionLockTest, HasOneHolderUntilThatOneReleasesIt) {
    const std::unique_ptr<SessionLock> one = lock("main");
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(lock("main"), nullptr);
    EXPECT_NE(lock("worker1"), nullptr);
    EXPECT_TRUE(one->check());
    one->release();
    EXPECT_FALSE(one->check());
    EXPECT_NE(lock("main"), nullptr);
}

TEST_F(SessionLockTest, EndsWithItsObject) {
    for (int round = 0; round < 5; ++round) EXPECT_NE(lock("main"), nullptr);
}

TEST_F(SessionLockTest, OfAnotherSchemaIsAnotherLock) {
    const TestDatabase other_server;
    const std::unique_ptr<SessionLock> one = lock("main");
    EXPECT_NE(SessionLock::try_lock(other_server.settings(), "main"), nullptr);
}

TEST_F(SessionLockTest, IsTakenAgainWhenItsConnectionWasLost) {
    const std::unique_ptr<SessionLock> one = lock("main");
    ASSERT_NE(one, nullptr);
    cut_off();
    EXPECT_TRUE(one->check());
    EXPECT_EQ(lock("main"), nullptr);
    EXPECT_TRUE(one->check());
}

TEST_F(SessionLockTest, IsNotHeldAnyMoreWhenSomebodyElseTookItMeanwhile) {
    const std::unique_ptr<SessionLock> one = lock("main");
    ASSERT_NE(one, nullptr);
    cut_off();
    std::unique_ptr<SessionLock> other = lock("main");
    ASSERT_NE(other, nullptr);
    EXPECT_FALSE(one->check());
    EXPECT_TRUE(other->check());
    EXPECT_FALSE(one->check());
    other.reset();
    EXPECT_TRUE(one->check());
}

TEST_F(SessionLockTest, IsUnknownWhileTheServerLetsNobodyInAndHeldAgainAfterwards) {
    const std::unique_ptr<SessionLock> one = lock("main");
    ASSERT_NE(one, nullptr);
    let_log_in(false);
    cut_off();
    EXPECT_THROW(static_cast<void>(one->check()), DatabaseError);
    EXPECT_THROW(static_cast<void>(one->check()), DatabaseError);
    let_log_in(true);
    EXPECT_TRUE(one->check());
}

TEST_F(SessionLockTest, DoesNotWaitForASilentSessionAndEndsItOnceTheServerCan) {
    const std::unique_ptr<SessionLock> one = lock("main");
    ASSERT_NE(one, nullptr);
    const pid_t session =
        std::stoi(administrate("SELECT pid FROM pg_stat_activity WHERE usename = '" + test_database.name() + "'"));
    ASSERT_EQ(kill(session, SIGSTOP), 0);
    // Held for this process by a session that nobody hears of any more: it isn't somebody else's, and it isn't sure either.
    EXPECT_THROW(static_cast<void>(one->check()), DatabaseError);
    ASSERT_EQ(kill(session, SIGCONT), 0);
    EXPECT_TRUE(one->check());
    EXPECT_EQ(lock("main"), nullptr);
}

TEST_F(SessionLockTest, IsSeenByOthersInATransactionWhichKeepNothingOfIt) {
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(test_database.settings());
    const auto is_taken = [&] {
        return async::sync_wait(database->read("is_taken", &SessionLock::is_taken, std::string("main")));
    };
    EXPECT_FALSE(is_taken());
    const std::unique_ptr<SessionLock> one = lock("main");
    ASSERT_NE(one, nullptr);
    EXPECT_TRUE(is_taken());
}

TEST_F(SessionLockTest, OutlivesTheTimeLimitsOfIdleTransactions) {
    modapi::DatabaseSettings settings = test_database.settings();
    settings.postgresql_connection.replace(settings.postgresql_connection.find("-c "), 0,
                                           "-c idle_in_transaction_session_timeout=1 ");
    const std::unique_ptr<SessionLock> one = SessionLock::try_lock(settings, "main");
    ASSERT_NE(one, nullptr);
    const std::string state = administrate("SELECT state FROM pg_stat_activity WHERE usename = '" + test_database.name() + "'");
    EXPECT_EQ(state, "idle");
    EXPECT_TRUE(one->check());
}

TEST_F(SessionLockTest, NamesWhatItNeedsOnAnotherDatabase) {
    EXPECT_THROW(static_cast<void>(SessionLock::try_lock(modapi::DatabaseSettings(), "main")), std::invalid_argument);
}

}  // namespace
