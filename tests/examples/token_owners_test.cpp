#include "access/token_owners.h"
#include "accounts/accounts.h"
#include "process/schema.h"
#include "server_process.h"
#include "sessions/ended_sessions.h"

#include <modapi/database.h>
#include <modapi/hosting/invalidation_bus.h>

#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

/// What a worker remembers of access tokens, beside the database that it is remembered of. No server is needed.
namespace {

using namespace homeserver_test;

using modapi::Transaction;

constexpr const char* owner_of_tokens = "@owner:hs.test";

class TokenOwnersTest : public testing::Test {
protected:
    TokenOwnersTest() {
        homeserver::create_schema(*database);
        run([](Transaction& transaction) {
            transaction.execute(
                "INSERT INTO users (user_id, admin, is_guest, deactivated, shadow_banned, creation_ts) VALUES (?, 0, 0, 0, 0, "
                "0)",
                owner_of_tokens);
            for (const char* const name : {"one", "two"}) {
                transaction.execute("INSERT INTO devices (user_id, device_id, creation_ts) VALUES (?, ?, 0)", owner_of_tokens,
                                    name);
                transaction.execute(
                    "INSERT INTO access_tokens (token_id, token, user_id, device_id) SELECT COUNT(*) + 1, ?, ?, ? FROM "
                    "access_tokens",
                    std::string("token of ") + name, owner_of_tokens, name);
            }
        });
    }

    /// What is invalidated comes to the workers when they run.
    void run(const std::function<void(Transaction&)>& work) {
        async::sync_wait(database->run("test", work));
        workers.restart();
        workers.poll();
    }
    /// Behind the workers' backs.
    void lock_all() {
        run([](Transaction& transaction) { transaction.execute("UPDATE users SET locked = 1"); });
    }
    static std::shared_ptr<const homeserver::TokenOwner> owner(homeserver::TokenOwners& owners, const std::string& name) {
        return async::sync_wait(owners.of("token of " + name));
    }

    TemporaryFolder folder;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    modapi::InProcessInvalidationBus bus;
    boost::asio::io_context workers;
    homeserver::TokenOwners here{*database, bus, workers.get_executor()};
    homeserver::TokenOwners there{*database, bus, workers.get_executor()};
};

TEST_F(TokenOwnersTest, AreLookedUpOnce) {
    EXPECT_EQ(owner(here, "one")->device_id, "one");
    lock_all();
    EXPECT_FALSE(owner(here, "one")->locked) << "nobody has said that it changed";
    EXPECT_TRUE(owner(there, "one")->locked);
    EXPECT_TRUE(owner(here, "two")->locked);
}

TEST_F(TokenOwnersTest, WhatIsNobodysIsLookedUpAnew) {
    EXPECT_EQ(owner(here, "three"), nullptr);
    run([](Transaction& transaction) {
        transaction.execute("INSERT INTO access_tokens (token_id, token, user_id) VALUES (3, 'token of three', ?)",
                            owner_of_tokens);
    });
    EXPECT_EQ(owner(here, "three")->token_id, 3);
}

TEST_F(TokenOwnersTest, AreForgottenByEveryWorkerWithTheSession) {
    for (homeserver::TokenOwners* const worker : {&here, &there}) {
        EXPECT_NE(owner(*worker, "one"), nullptr);
        EXPECT_NE(owner(*worker, "two"), nullptr);
    }
    run([](Transaction& transaction) {
        EXPECT_EQ(homeserver::remove_devices(transaction, owner_of_tokens, {"one"}).size(), 1U);
    });
    for (homeserver::TokenOwners* const worker : {&here, &there}) {
        EXPECT_EQ(owner(*worker, "one"), nullptr);
        EXPECT_NE(owner(*worker, "two"), nullptr);
    }
    run([](Transaction& transaction) {
        EXPECT_EQ(homeserver::remove_all_sessions(transaction, owner_of_tokens, std::nullopt).size(), 1U);
    });
    for (homeserver::TokenOwners* const worker : {&here, &there}) EXPECT_EQ(owner(*worker, "two"), nullptr);
}

TEST_F(TokenOwnersTest, TellOfALockAndASuspensionAsSoonAsTheyAreThere) {
    EXPECT_FALSE(owner(here, "one")->locked);
    EXPECT_FALSE(owner(there, "two")->suspended);
    run([](Transaction& transaction) {
        homeserver::mark_locked(transaction, owner_of_tokens, true);
        EXPECT_TRUE(homeserver::mark_suspended(transaction, owner_of_tokens, true));
    });
    EXPECT_TRUE(owner(here, "one")->locked);
    EXPECT_TRUE(owner(there, "two")->suspended);
    run([](Transaction& transaction) { transaction.execute("UPDATE users SET locked = 0, suspended = 0"); });
    EXPECT_FALSE(owner(here, "one")->locked) << "before anybody has heard of it";
    EXPECT_FALSE(owner(there, "two")->suspended);
}

TEST_F(TokenOwnersTest, StayWhereTheTransactionFails) {
    EXPECT_FALSE(owner(here, "one")->locked);
    lock_all();
    EXPECT_THROW(run([](Transaction& transaction) {
                     homeserver::mark_locked(transaction, owner_of_tokens, false);
                     throw std::runtime_error("not this time");
                 }),
                 std::runtime_error);
    EXPECT_FALSE(owner(here, "one")->locked) << "what is remembered is that of before";
}

}  // namespace
