#include "room_test.h"

#include "sync/sync_query.h"

#include <sqlite3.h>

#include <stdexcept>

namespace {

using namespace homeserver_test;
using Texts = std::vector<std::string>;

/// Reads a database file beside the server that writes it, and counts what SQLite does for that.
class CountingTransaction final : public modapi::Transaction {
public:
    explicit CountingTransaction(const std::filesystem::path& file) {
        if (sqlite3_open_v2(file.c_str(), &database_, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK)
            throw std::runtime_error("can't open " + file.string());
        sqlite3_busy_timeout(database_, 20000);
    }
    ~CountingTransaction() override { sqlite3_close(database_); }
    [[nodiscard]] std::string_view engine() const noexcept override { return "sqlite3"; }

    int statements = 0;
    int steps = 0;  ///< of SQLite's virtual machine: a row that is looked at takes some, whether it is returned or not

protected:
    std::int64_t visit(std::string_view, std::vector<modapi::SqlValue>, modapi::RowVisitor&,
                       std::vector<std::string>&) override {
        throw std::logic_error("nothing here is asked that way");
    }
    std::int64_t run(std::string_view sql, std::vector<modapi::SqlValue> values,
                     std::vector<std::vector<modapi::SqlValue>>* rows) override {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(database_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK)
            throw std::runtime_error(sqlite3_errmsg(database_));
        for (int index = 0; index < static_cast<int>(values.size()); ++index) bind(statement, index + 1, values[index]);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            std::vector<modapi::SqlValue>& row = rows->emplace_back();
            for (int index = 0; index < sqlite3_column_count(statement); ++index) row.push_back(column(statement, index));
        }
        ++statements;
        steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0);
        sqlite3_finalize(statement);
        return 0;
    }

private:
    static void bind(sqlite3_stmt* statement, int index, const modapi::SqlValue& value) {
        if (const auto* const number = std::get_if<std::int64_t>(&value)) sqlite3_bind_int64(statement, index, *number);
        if (const auto* const truth = std::get_if<bool>(&value)) sqlite3_bind_int64(statement, index, *truth ? 1 : 0);
        if (const auto* const text = std::get_if<std::string>(&value))
            sqlite3_bind_text(statement, index, text->c_str(), static_cast<int>(text->size()), SQLITE_STATIC);
    }
    static modapi::SqlValue column(sqlite3_stmt* statement, int index) {
        if (sqlite3_column_type(statement, index) == SQLITE_INTEGER)
            return static_cast<std::int64_t>(sqlite3_column_int64(statement, index));
        const unsigned char* const text = sqlite3_column_text(statement, index);
        return text == nullptr ? modapi::SqlValue() : modapi::SqlValue(reinterpret_cast<const char*>(text));
    }

    sqlite3* database_ = nullptr;
};

/// How many more steps a search may take because of where a room's random id puts it among the others, whatever their number.
constexpr int chance = 25;

/// What one incremental sync took, and the rooms it told of.
struct Cost {
    int statements = 0;
    int steps = 0;
    Texts rooms;
};

class ChangedRoomsTest : public RoomTest {
protected:
    /// Creates rooms of `token`; gives the last one.
    [[nodiscard]] std::string create_rooms(int count, const std::string& token) const {
        std::string room;
        for (int number = 0; number < count; ++number) room = create_room(token);
        return room;
    }
    [[nodiscard]] Answer sync(const std::string& token, const std::string& arguments = {}) const {
        return get("/sync?" + arguments, token);
    }
    static const boost::json::object& joined(const Answer& answer) { return answer.body.at("rooms").at("join").as_object(); }
    [[nodiscard]] Cost cost_of_sync(const std::string& user_id, const std::string& since) const {
        CountingTransaction transaction(folder.path() / "homeserver.db");
        homeserver::SyncRequest request;
        request.user_id = user_id;
        request.since = std::stoll(since.substr(1));  // s17
        homeserver::SyncQuestions asked(transaction, request);
        const homeserver::SyncChanges changes = homeserver::find_changes(transaction, request, asked);
        Cost cost{transaction.statements, transaction.steps, {}};
        for (const homeserver::RoomChanges& room : changes.joined) cost.rooms.push_back(room.room_id);
        return cost;
    }
    /// What a sync takes that one message is new for.
    [[nodiscard]] Cost cost_of_one_message(const std::string& room, const std::string& token) {
        const std::string since = sync(token).text("next_batch");
        EXPECT_EQ(send(room, "news", token).status, 200);
        Cost cost = cost_of_sync("@alice:hs.test", since);
        EXPECT_EQ(cost.rooms, Texts{room});
        return cost;
    }
};

TEST_F(ChangedRoomsTest, AnIncrementalSyncReadsNothingOfRoomsInWhichNothingHappened) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_rooms(3, alice);
    const Cost few = cost_of_one_message(room, alice);
    static_cast<void>(create_rooms(60, alice));
    const Cost many = cost_of_one_message(room, alice);
    EXPECT_EQ(many.statements, few.statements);
    EXPECT_LE(many.steps, few.steps + chance);
}

TEST_F(ChangedRoomsTest, AnIncrementalSyncOfSomebodyInFewRoomsReadsNothingOfTheEventsOfOthers) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_rooms(2, alice);
    const std::string since = sync(alice).text("next_batch");
    EXPECT_EQ(send(room, "news", alice).status, 200);
    static_cast<void>(create_rooms(2, bob));
    const Cost few = cost_of_sync("@alice:hs.test", since);
    static_cast<void>(create_rooms(30, bob));
    const Cost many = cost_of_sync("@alice:hs.test", since);
    EXPECT_EQ(few.rooms, Texts{room});
    EXPECT_EQ(many.rooms, Texts{room});
    EXPECT_EQ(many.statements, few.statements);
    EXPECT_LE(many.steps, few.steps + chance);
}

TEST_F(ChangedRoomsTest, EveryRoomWithNewsIsToldWhetherTheyAreFewOrAllOfThem) {
    const std::string alice = server.register_user("alice");
    Texts rooms;
    for (int number = 0; number < 4; ++number) rooms.push_back(create_room(alice));
    const std::string since = sync(alice).text("next_batch");
    EXPECT_EQ(send(rooms[0], "one", alice).status, 200);
    EXPECT_EQ(send(rooms[2], "two", alice).status, 200);
    const Answer of_two = sync(alice, "since=" + since);
    ASSERT_EQ(joined(of_two).size(), 2U);
    EXPECT_EQ(bodies(joined(of_two).at(rooms[0]).at("timeline").at("events")), Texts{"one"});
    EXPECT_EQ(bodies(joined(of_two).at(rooms[2]).at("timeline").at("events")), Texts{"two"});
    // More events than rooms: they are found from the rooms' side.
    for (int round = 0; round < 3; ++round) {
        for (const std::string& room : rooms) EXPECT_EQ(send(room, "more", alice).status, 200);
    }
    const Answer of_all = sync(alice, "since=" + since);
    ASSERT_EQ(joined(of_all).size(), 4U);
    EXPECT_EQ(bodies(joined(of_all).at(rooms[0]).at("timeline").at("events")), (Texts{"one", "more", "more", "more"}));
    EXPECT_EQ(bodies(joined(of_all).at(rooms[3]).at("timeline").at("events")), (Texts{"more", "more", "more"}));
}

TEST_F(ChangedRoomsTest, AccountDataOfAQuietRoomIsTold) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_rooms(2, alice);
    const std::string since = sync(alice).text("next_batch");
    EXPECT_EQ(put("/user/@alice:hs.test/rooms/" + room + "/account_data/org.example.a", R"({"x":1})", alice).status, 200);
    const Answer answer = sync(alice, "since=" + since);
    ASSERT_EQ(joined(answer).size(), 1U);
    EXPECT_TRUE(joined(answer).at(room).at("timeline").at("events").as_array().empty());
    EXPECT_EQ(joined(answer).at(room).at("account_data").at("events").as_array().size(), 1U);
    EXPECT_TRUE(answer.body.at("account_data").at("events").as_array().empty());
}

TEST_F(ChangedRoomsTest, AJoinTellsTheRoomsAccountDataFromBeforeAndNoOtherRooms) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    const std::string other = create_room(bob);
    for (const std::string& id : {room, other}) {
        EXPECT_EQ(put("/user/@bob:hs.test/rooms/" + id + "/account_data/org.example.a", R"({"x":1})", bob).status, 200);
    }
    const std::string since = sync(bob).text("next_batch");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const Answer answer = sync(bob, "since=" + since);
    ASSERT_EQ(joined(answer).size(), 1U);
    EXPECT_EQ(joined(answer).at(room).at("account_data").at("events").as_array().size(), 1U);
}

TEST_F(ChangedRoomsTest, ATimelineThatLeavesEventsOutComesWithTheStateThatTheySet) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string since = sync(alice).text("next_batch");
    for (const char* name : {"first", "second"}) {
        const std::string content = R"({"name":")" + std::string(name) + R"("})";
        EXPECT_EQ(put("/rooms/" + room + "/state/m.room.name", content, alice).status, 200);
    }
    for (int number = 0; number < 10; ++number) EXPECT_EQ(send(room, "m" + std::to_string(number), alice).status, 200);
    const Answer answer = sync(alice, "since=" + since);
    EXPECT_EQ(joined(answer).at(room).at("timeline").at("limited"), true);
    const boost::json::array& state = joined(answer).at(room).at("state").at("events").as_array();
    ASSERT_EQ(state.size(), 1U);
    EXPECT_EQ(state[0].at("content").at("name"), "second");
}

TEST_F(ChangedRoomsTest, FullStateTellsTheStateOfQuietRoomsToo) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string since = sync(alice).text("next_batch");
    const Answer answer = sync(alice, "full_state=true&since=" + since);
    EXPECT_EQ(joined(answer).at(room).at("state").at("events").as_array().size(), 6U);
    EXPECT_TRUE(joined(answer).at(room).at("timeline").at("events").as_array().empty());
}

TEST_F(ChangedRoomsTest, ANewDisplayNameDoesNotTellTheRoomAnew) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const std::string since = sync(alice).text("next_batch");
    EXPECT_EQ(put("/profile/@alice:hs.test/displayname", R"({"displayname":"Alice"})", alice).status, 200);
    const Answer answer = sync(alice, "since=" + since);
    EXPECT_EQ(bodies(joined(answer).at(room).at("timeline").at("events")), Texts{"m.room.member"});
    EXPECT_TRUE(joined(answer).at(room).at("state").at("events").as_array().empty());
}

TEST_F(ChangedRoomsTest, PresenceIsToldToThoseWhoShareARoomAndToNobodyElse) {
    const std::string alice = server.register_user("alice");
    const std::string bob = server.register_user("bob");
    const std::string carol = server.register_user("carol");
    const std::string room = create_room(alice, R"({"preset":"public_chat"})");
    EXPECT_EQ(post("/join/" + room, "{}", bob).status, 200);
    const std::string since = sync(alice).text("next_batch");
    EXPECT_EQ(put("/presence/@alice:hs.test/status", R"({"presence":"online"})", alice).status, 200);
    const auto told = [&](const std::string& token) {
        return sync(token, "since=" + since).body.at("presence").at("events").as_array().size();
    };
    EXPECT_EQ(told(alice), 1U);
    EXPECT_EQ(told(bob), 1U);
    EXPECT_EQ(told(carol), 0U);
    EXPECT_EQ(get("/presence/@alice:hs.test/status", bob).status, 200);
    EXPECT_EQ(get("/presence/@alice:hs.test/status", carol).status, 403);
}

}  // namespace
