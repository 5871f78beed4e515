#include "accounts/accounts.h"
#include "process/schema.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <memory>
#include <optional>

/// Accounts in a database that an older version of the server made. No server is needed.
namespace {

using modapi::Transaction;

void make_older_accounts(Transaction& transaction) {
    transaction.execute("ALTER TABLE users DROP COLUMN locked");
    transaction.execute("ALTER TABLE users DROP COLUMN suspended");
    transaction.execute(
        "INSERT INTO users (user_id, admin, is_guest, deactivated, shadow_banned, creation_ts) VALUES "
        "('@older:hs.test', 1, 0, 0, 0, 7)");
}

TEST(OlderAccountsTest, AreNeitherLockedNorSuspended) {
    modapi::DatabaseSettings settings;
    settings.database = ":memory:";
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(settings);
    homeserver::create_schema(*database);
    async::sync_wait(database->run("make older accounts", &make_older_accounts));

    homeserver::create_schema(*database);
    homeserver::create_schema(*database);  // the next start finds nothing to do

    std::optional<callbacks::UserInfo> found;
    const auto look = [&](Transaction& transaction) { found = homeserver::find_user_info(transaction, "@older:hs.test"); };
    async::sync_wait(database->read("look", look));
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->locked);
    EXPECT_FALSE(found->suspended);
    EXPECT_TRUE(found->is_admin);
}

}  // namespace
