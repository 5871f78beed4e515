#include "admin_server.h"
#include "mail_sink.h"
#include "patience.h"

#include <modapi/database.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <set>

/// What anybody may ask for is bounded, and what is refused has cost next to nothing.
namespace {

using namespace homeserver_test;
using testing::HasSubstr;

/// `[ITEM,ITEM,...]`.
std::string list_of(std::size_t count, const std::string& item) {
    std::string list = "[";
    for (std::size_t at = 0; at < count; ++at) list.append(at == 0 ? "" : ",").append(item);
    return list + "]";
}

class BoundsTest : public ProbedAdminServer {
protected:
    BoundsTest() : ProbedAdminServer("{name: a, unsigned: false}", with_mail_sink), alice(server.register_user("alice")) {}

    [[nodiscard]] bool is_on_sqlite() const { return !database_in(folder.path()).is_postgresql(); }
    void expect_too_large(const Answer& answer, const std::string& error) const {
        expect_error(answer, 400, "M_TOO_LARGE", error);
    }
    [[nodiscard]] std::int64_t stored(const std::string& what) const {
        const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
        struct Counting {
            std::string sql;
            std::int64_t found = 0;
        } counting{"SELECT COUNT(*) FROM " + what};
        database->run_blocking(
            "count",
            [](modapi::Transaction& transaction, void* given) {
                auto& wanted = *static_cast<Counting*>(given);
                wanted.found = std::get<0>(transaction.query_one<std::int64_t>(wanted.sql).value());
            },
            &counting);
        return counting.found;
    }
    /// Puts rows into the server's database, of which each is made of its number, from 0 on.
    void insert(std::int64_t count, void (*row)(modapi::Transaction& transaction, std::int64_t number)) const {
        const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
        struct Rows {
            std::int64_t count;
            void (*row)(modapi::Transaction& transaction, std::int64_t number);
        } rows{count, row};
        database->run_blocking(
            "insert",
            [](modapi::Transaction& transaction, void* given) {
                const auto& wanted = *static_cast<const Rows*>(given);
                for (std::int64_t number = 0; number < wanted.count; ++number) wanted.row(transaction, number);
            },
            &rows);
    }
    [[nodiscard]] std::size_t media_files() const {
        std::size_t count = 0;
        if (!std::filesystem::exists(folder.path() / "media_store")) return count;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "media_store")) {
            if (entry.is_regular_file()) ++count;
        }
        return count;
    }

    std::string alice;
};

TEST_F(BoundsTest, AFilterOfManyStarsIsTriedInNoTime) {
    const std::string room = create_room(alice);
    EXPECT_EQ(put("/rooms/" + room + "/send/" + std::string(200, 'a') + "/1", "{}", alice).status, 200);
    const std::string stars = "%2Aa%2Aa%2Aa%2Aa%2Aa%2Aa%2Aa%2Aa%2Aa%2Aa%2Ab";
    const std::string filter = "%7B%22room%22%3A%7B%22timeline%22%3A%7B%22types%22%3A%5B%22" + stars + "%22%5D%7D%7D%7D";
    const auto begin = std::chrono::steady_clock::now();
    for (int request = 0; request < 3; ++request) EXPECT_EQ(get("/sync?filter=" + filter, alice).status, 200);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST_F(BoundsTest, AFilterHasSoManyEntriesAndBytesAndNoMore) {
    const auto store = [&](const std::string& filter) { return post("/user/@alice:hs.test/filter", filter, alice); };
    const auto timeline = [](const std::string& key, const std::string& list) {
        return R"({"room":{"timeline":{")" + key + "\":" + list + "}}}";
    };
    EXPECT_EQ(store(timeline("types", list_of(100, R"("a*")"))).status, 200);
    expect_error(store(timeline("types", list_of(101, R"("a*")"))), 400, "M_BAD_JSON",
                 "Invalid filter: 'types' has more than 100 entries");
    expect_error(store(timeline("not_types", list_of(101, R"("a*")"))), 400, "M_BAD_JSON",
                 "Invalid filter: 'not_types' has more than 100 entries");
    EXPECT_EQ(store(timeline("senders", list_of(1000, R"("@a:b")"))).status, 200);
    for (const std::string key : {"senders", "not_senders", "rooms", "not_rooms"}) {
        expect_error(store(timeline(key, list_of(1001, R"("@a:b")"))), 400, "M_BAD_JSON",
                     "Invalid filter: '" + key + "' has more than 1000 entries");
    }
    expect_error(store(timeline("types", "[\"" + std::string(256, '*') + "\"]")), 400, "M_BAD_JSON",
                 "Invalid filter: 'types' has an entry of more than 255 bytes");
    expect_error(store(R"({"event_fields":)" + list_of(1001, R"("type")") + "}"), 400, "M_BAD_JSON",
                 "Invalid filter: 'event_fields' has more than 1000 entries");
    expect_too_large(store(R"({"unknown":")" + std::string(70'000, 'x') + "\"}"), "A filter has at most 65536 bytes");
}

TEST_F(BoundsTest, ANewRoomHasAHundredInvitationsAndAThousandEventsAndNoModuleIsAskedAboutMore) {
    static_cast<void>(asked());
    const std::string too_many = "A new room has at most 100 invitations";
    const std::string invitation = R"({"medium":"email","address":"a@example.org"})";
    expect_error(post("/createRoom", R"({"invite":)" + list_of(101, R"("@b:hs.test")") + "}", alice), 400, "M_INVALID_PARAM",
                 too_many);
    expect_error(post("/createRoom",
                      R"({"invite":)" + list_of(60, R"("@b:hs.test")") + R"(,"invite_3pid":)" + list_of(41, invitation) + "}",
                      alice),
                 400, "M_INVALID_PARAM", too_many);
    expect_error(post("/createRoom",
                      R"({"initial_state":)" + list_of(1001, R"({"type":"t","state_key":"k","content":{}})") + "}", alice),
                 400, "M_INVALID_PARAM", "A new room has at most 1000 events in 'initial_state'");
    EXPECT_THAT(asked(), testing::Not(testing::Contains("on_create_room")));
    EXPECT_EQ(stored("rooms"), 0);

    std::string invitees;
    for (int at = 0; at < 100; ++at) invitees.append(at == 0 ? "" : ",").append("\"@u" + std::to_string(at) + ":hs.test\"");
    static_cast<void>(create_room(alice, R"({"invite":[)" + invitees + "]}"));
}

TEST_F(BoundsTest, WhatAnUnfinishedRegistrationKeepsIsSmall) {
    const std::string body = R"({"username":"bob","password":"pw","x":")" + std::string(20'000, 'x') + "\"}";
    expect_too_large(post("/register", body, ""), "'body' must have at most 16384 bytes");
    EXPECT_EQ(stored("ui_auth_sessions WHERE operation = 'register' AND result IS NULL"), 0);
    EXPECT_EQ(post("/register", R"({"username":"bob","password":"pw"})", "").status, 401);
}

void insert_registration(modapi::Transaction& transaction, std::int64_t number) {
    const std::int64_t an_hour_ago = std::chrono::duration_cast<std::chrono::milliseconds>(
                                         (std::chrono::system_clock::now() - std::chrono::hours(1)).time_since_epoch())
                                         .count();
    transaction.execute(
        "INSERT INTO ui_auth_sessions (session_id, operation, parameters, password_hash, completed, result, creation_ts) "
        "VALUES (?, 'register', '{}', NULL, '{}', NULL, ?)",
        "old" + std::to_string(number), an_hour_ago + number);
}

TEST_F(BoundsTest, OfUnfinishedRegistrationsTheNewestFiveThousandAreKept) {
    const std::string registrations = "ui_auth_sessions WHERE operation = 'register'";
    ASSERT_EQ(stored(registrations), 1) << "Alice's, which is kept for a while though it is finished";
    insert(4998, &insert_registration);
    const Answer last_one = post("/register", R"({"username":"last","password":"pw"})", "");
    EXPECT_EQ(last_one.status, 401);
    EXPECT_EQ(stored(registrations), 5000);
    for (int more = 0; more < 3; ++more) EXPECT_EQ(post("/register", R"({"username":"more"})", "").status, 401);
    EXPECT_EQ(stored(registrations), 5000);
    EXPECT_EQ(stored(registrations + " AND session_id IN ('old0', 'old1', 'old2')"), 0) << "the oldest go";
    EXPECT_EQ(stored(registrations + " AND session_id = 'old3'"), 1);
    const std::string finishing = R"({"auth":{"type":"m.login.dummy","session":")" + last_one.text("session") + "\"}}";
    EXPECT_EQ(post("/register", finishing, "").status, 200) << "and what is kept can be finished";
}

TEST_F(BoundsTest, PasswordsOfUnfinishedRegistrationsLeaveAThreadToThoseWhoLogIn) {
    constexpr int count = 12;
    const std::string registrations = "ui_auth_sessions WHERE operation = 'register' AND result IS NULL";
    std::vector<std::unique_ptr<RawConnection>> registering;
    for (int number = 0; number < count; ++number) {
        const std::string body = R"({"username":"u)" + std::to_string(number) + R"(","password":"secret"})";
        registering.push_back(std::make_unique<RawConnection>(server.port()));
        registering.back()->send("POST " + client + "/register HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) +
                                 "\r\n\r\n" + body);
    }
    for (const Patience patience; patience.is_left() && stored(registrations) < 1;) continue;
    const std::string logging_in =
        R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice"})";
    EXPECT_EQ(post("/login", logging_in, "").status, 200);
    EXPECT_LT(stored(registrations), count * 3 / 4) << "whoever logs in doesn't wait for them";
    for (const std::unique_ptr<RawConnection>& connection : registering) {
        EXPECT_THAT(connection->read_until("\r\n\r\n"), HasSubstr(" 401 "));
    }
    EXPECT_EQ(stored(registrations), count);
}

void insert_filter(modapi::Transaction& transaction, std::int64_t number) {
    transaction.execute("INSERT INTO filters (user_id, filter_id, content) VALUES ('@alice:hs.test', ?, ?)", number,
                        R"({"event_fields":["f)" + std::to_string(number) + "\"]}");
}

TEST_F(BoundsTest, AUserStoresAThousandFiltersAndNoMore) {
    const auto store = [&](const std::string& field, const std::string& user, const std::string& token) {
        return post("/user/@" + user + ":hs.test/filter", R"({"event_fields":[")" + field + "\"]}", token);
    };
    insert(999, &insert_filter);
    const Answer last_one = store("last", "alice", alice);
    EXPECT_EQ(last_one.status, 200);
    expect_too_large(store("another", "alice", alice), "A user has at most 1000 filters");
    EXPECT_EQ(store("last", "alice", alice).text("filter_id"), last_one.text("filter_id")) << "that is no further one";
    EXPECT_EQ(get("/user/@alice:hs.test/filter/" + last_one.text("filter_id"), alice).status, 200);
    const std::string bob = server.register_user("bob");
    EXPECT_EQ(store("another", "bob", bob).status, 200);
    EXPECT_EQ(stored("filters WHERE user_id = '@alice:hs.test'"), 1000);
}

TEST_F(BoundsTest, AUserHasAHundredPushersAndNoMore) {
    const auto set = [&](const std::string& key, const std::string& kind, const std::string& token) {
        return post("/pushers/set",
                    R"({"app_id":"app","app_display_name":"App","device_display_name":"Phone","lang":"en","pushkey":")" + key +
                        R"(","kind":)" + kind + R"(,"data":{"url":"https://push.example.org/_matrix/push/v1/notify"}})",
                    token);
    };
    const std::string http = R"("http")";
    for (int number = 0; number < 100; ++number) EXPECT_EQ(set(std::to_string(number), http, alice).status, 200);
    expect_too_large(set("another", http, alice), "A user has at most 100 pushers");
    EXPECT_EQ(set("7", http, alice).status, 200) << "it takes the place of the one with its key";
    EXPECT_EQ(get("/pushers", alice).body.at("pushers").as_array().size(), 100U);
    EXPECT_EQ(set("another", http, server.register_user("bob")).status, 200);
    EXPECT_EQ(set("7", "null", alice).status, 200);
    EXPECT_EQ(set("another one", http, alice).status, 200) << "there is room for one again";
}

TEST_F(BoundsTest, OfAnOperationsUnfinishedSessionsTheNewestAreKept) {
    std::string last;
    for (int request = 0; request < 25; ++request) {
        const Answer challenge = post("/delete_devices", R"({"devices":["D"]})", alice);
        EXPECT_EQ(challenge.status, 401);
        last = challenge.text("session");
    }
    EXPECT_EQ(stored("ui_auth_sessions WHERE operation LIKE 'delete listed devices%'"), 20);
    const std::string auth = R"({"type":"m.login.password","session":")" + last +
                             R"(","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice"})";
    EXPECT_EQ(post("/delete_devices", R"({"devices":["D"],"auth":)" + auth + "}", alice).status, 200);
}

TEST_F(BoundsTest, AnAddressGetsFiveCodesAnHourWhoeverAsksAndTheRestIsAnsweredAlike) {
    const auto ask = [&](const AddressToValidate& address, int count) {
        std::set<std::string> secrets;
        for (int at = 0; at < count; ++at) {
            const Answer answer = request_token(server, address, 1, "secret" + std::to_string(at));
            EXPECT_EQ(answer.status, 200) << answer.body;
            EXPECT_FALSE(answer.text("sid").empty());
            EXPECT_FALSE(answer.text("submit_url").empty());
        }
    };
    ask(email_for_account("a@example.org"), 4);
    ask(email_for_registration("A@example.org"), 4);
    EXPECT_EQ(sent_mails(folder.path()).size(), 5U);
    ask(email_for_registration("b@example.org"), 1);
    EXPECT_EQ(sent_mails(folder.path()).size(), 6U) << "another address has its own";
    ask(phone_for_account("GB", "07700 900001"), 4);
    ask(phone_for_registration("GB", "07700 900001"), 4);
    EXPECT_EQ(sent_mails(folder.path()).size(), 11U);
    const AddressToValidate again = email_for_account("c@example.org");
    for (int attempt = 1; attempt < 10; ++attempt) EXPECT_EQ(request_token(server, again, attempt).status, 200);
    EXPECT_EQ(sent_mails(folder.path()).size(), 16U) << "attempts of one session count too";
}

TEST_F(BoundsTest, AProofIsGoodForWhatItWasAskedForOnly) {
    const std::string to_register = validated(server, folder.path(), email_for_registration("r@example.org"));
    expect_error(post("/account/3pid", R"({"three_pid_creds":)" + to_register + "}", alice), 400, "M_THREEPID_AUTH_FAILED",
                 "No validated 3pid session found");
    const std::string for_account = validated(server, folder.path(), email_for_account("a@example.org"));
    const auto sign_up = [&](const std::string& name, const std::string& credentials) {
        return post("/register",
                    R"({"username":")" + name + R"(","password":"pw","auth":{"type":"m.login.email.identity","threepid_creds":)" +
                        credentials + "}}",
                    "");
    };
    expect_error(sign_up("rita", for_account), 401, "M_UNAUTHORIZED", "Unable to get validated threepid");
    EXPECT_EQ(sign_up("rita", to_register).status, 200);
    EXPECT_EQ(post("/account/3pid", R"({"three_pid_creds":)" + for_account + "}", alice).status, 200);
}

TEST_F(BoundsTest, LongTextsAndListsAreRefused) {
    const std::string word(60'000, 'x');
    const auto with = [](const std::string& body, const std::string& key, const std::string& text) {
        return body.substr(0, body.size() - 1) + (body == "{}" ? "\"" : ",\"") + key + "\":\"" + text + "\"}";
    };
    expect_too_large(post("/user_directory/search", with("{}", "search_term", word), alice),
                     "'search_term' must have at most 1000 bytes");
    expect_too_large(put("/presence/@alice:hs.test/status", with(R"({"presence":"online"})", "status_msg", word), alice),
                     "'status_msg' must have at most 1024 bytes");
    expect_too_large(post("/delete_devices", R"({"devices":)" + list_of(1001, R"("D")") + "}", alice),
                     "'devices' must have at most 1000 entries");
    expect_too_large(request_token(server, {"/account/3pid/email/requestToken",
                                            R"("next_link":"https://example.org/)" + word + R"(","email":"l@example.org")",
                                            "add_threepid/email"}),
                     "'next_link' must have at most 2048 bytes");
    const std::string pusher =
        R"({"kind":"http","app_id":"a","pushkey":"k","app_display_name":"A","device_display_name":"D","data":{"url":)"
        R"("https://push.example.org/_matrix/push/v1/notify"}})";
    expect_too_large(post("/pushers/set", with(pusher, "lang", word), alice), "'lang' must have at most 1024 bytes");
    const std::string nine_megabytes(9 * 1024 * 1024, 'x');
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/x", with("{}", "a", nine_megabytes), alice).status, 200);
    expect_too_large(put("/user/@alice:hs.test/account_data/y", with("{}", "a", nine_megabytes), alice),
                     "A user's account data has at most 10000 items and 10 MiB");
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/x", "{}", alice).status, 200) << "what takes less room may be stored";
    EXPECT_EQ(put("/user/@alice:hs.test/account_data/y", with("{}", "a", nine_megabytes), alice).status, 200);
}

TEST_F(BoundsTest, NoFileOfTheServersIsReadableByOthers) {
    EXPECT_EQ(request_token(server, email_for_account("a@example.org")).status, 200);
    EXPECT_EQ(server.request("POST", "/_matrix/media/v3/upload", "a picture", alice).status, 200);
    constexpr auto of_others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    std::set<std::string> seen;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
        const std::string name = entry.path().filename().string();
        // What the test itself wrote there.
        const bool is_of_test = name == "homeserver.yaml" || name == "stdout" || name == "stderr" || name.ends_with(".log");
        if (is_of_test) continue;
        seen.insert(name);
        EXPECT_EQ(entry.status().permissions() & of_others, std::filesystem::perms::none) << entry.path();
    }
    EXPECT_TRUE(seen.contains("mails.jsonl"));
    if (!is_on_sqlite()) return;
    EXPECT_THAT(seen, testing::IsSupersetOf({"homeserver.db", "homeserver.db-wal"}));
}

TEST_F(BoundsTest, AnUploadThatCannotBeWrittenLeavesNoFile) {
    constexpr rlim_t five_megabytes = 5 * 1024 * 1024;
    const rlimit limit{five_megabytes, five_megabytes};
    ASSERT_EQ(::prlimit(server.process(), RLIMIT_FSIZE, &limit, nullptr), 0);
    const std::string bytes(6 * 1024 * 1024, 'x');
    EXPECT_EQ(server.request("POST", "/_matrix/media/v3/upload", bytes, alice).status, 500);
    EXPECT_EQ(media_files(), 0U);
    EXPECT_EQ(server.request("POST", "/_matrix/media/v3/upload", "small", alice).status, 200);
    EXPECT_EQ(media_files(), 1U);
}

TEST_F(BoundsTest, ASecondServerOnTheDatabaseIsRefusedByALineThatNamesTheFirst) {
    if (!is_on_sqlite()) GTEST_SKIP() << "a PostgreSQL database may have several servers";
    const std::vector<std::string> arguments{"--config", (folder.path() / "homeserver.yaml").string()};
    const FinishedRun second = run_program(folder.path(), arguments);
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.errors, HasSubstr("homeserver.db: the process " + std::to_string(server.process()) + " has it open\n"));
    EXPECT_EQ(get("/account/whoami", alice).status, 200) << "the first goes on";
    server.kill();
    const ServerProcess third(folder.path(), "");
    EXPECT_EQ(third.request("GET", client + "/account/whoami", "", alice).status, 200) << "the dead one's lock is gone";
}

TEST_F(BoundsTest, WhatIsWrittenToADeletedDatabaseIsNotAcknowledged) {
    if (!is_on_sqlite()) GTEST_SKIP() << "PostgreSQL's files aren't the server's affair";
    EXPECT_EQ(put("/profile/@alice:hs.test/displayname", R"({"displayname":"Alice"})", alice).status, 200);
    std::filesystem::remove(folder.path() / "homeserver.db");
    EXPECT_EQ(put("/profile/@alice:hs.test/displayname", R"({"displayname":"Nobody"})", alice).status, 500);
    EXPECT_TRUE(server.log_shows("homeserver.db was deleted or replaced while it is open"));
}

}  // namespace
