#include "admin_server.h"
#include "mail_sink.h"

#include <callbacks/dispatchers.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <ostream>
#include <set>
#include <thread>

/// Each callback through the operation that fires it: not registered; allowed; denied or changed by either of two modules;
/// thrown in. One row a callback; what its combine rule and its error rule make of it comes from its declaration.
namespace {

using namespace homeserver_test;

/// What a client sees. The errcode and the text only count for an error.
struct Outcome {
    int status = 200;
    std::string errcode;
    std::string error;
};

/// A server with its users, and what the scenario that runs is about.
class Stage : public AdminServer {
public:
    explicit Stage(const std::string& modules)
        : AdminServer(std::string(with_mail_sink) + "media_upload_limits: [{time_period: 1h, max_size: 1000}]\n" + modules) {
        for (const char* const name : {"alice", "bob", "fan", "user-of-a", "user-of-b", "star-of-a", "star-of-b"}) {
            tokens[name] = server.register_user(name);
        }
    }
    void TestBody() override {}

    using AdminServer::admin;
    using RoomTest::client;
    using RoomTest::create_room;
    using RoomTest::folder;
    using RoomTest::get;
    using RoomTest::post;
    using RoomTest::put;
    using RoomTest::send;
    using RoomTest::server;

    [[nodiscard]] std::string name(const std::string& prefix) const { return prefix + std::to_string(number); }
    [[nodiscard]] Answer sign_up() const {
        return post("/register", R"({"auth":{"type":"m.login.dummy"},"password":"pw","username":")" + name("user") + "\"}", {});
    }
    [[nodiscard]] Answer log_in() const {
        return post(
            "/login",
            R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret of alice",)"
            R"("device_id":")" +
                name("DEVICE") + "\"}",
            {});
    }
    [[nodiscard]] std::string device() const {
        return std::to_string(get("/devices/" + name("DEVICE"), tokens.at("alice")).status);
    }
    [[nodiscard]] std::string availability() const {
        return std::to_string(get("/register/available?username=" + name("user"), {}).status);
    }
    [[nodiscard]] std::string latest_event() const {
        const Answer answer = get("/rooms/" + room + "/messages?dir=b&limit=1", tokens.at("alice"));
        return std::string(answer.body.at("chunk").at(0).at("event_id").as_string());
    }
    [[nodiscard]] std::string joined_rooms_of_bob() const {
        return boost::json::serialize(get("/joined_rooms", tokens.at("bob")).body);
    }
    /// How often the users that modules accept are logged in.
    [[nodiscard]] std::string sessions_of_accepted() const {
        return boost::json::serialize(get("/devices", tokens.at("user-of-a")).body) +
               boost::json::serialize(get("/devices", tokens.at("user-of-b")).body);
    }
    [[nodiscard]] std::string deactivated() const {
        return boost::json::serialize(admin("GET", "/v2/users/@" + name("user") + ":hs.test").body.at("deactivated"));
    }

    [[nodiscard]] std::string address() const { return name("alice") + "@example.org"; }
    [[nodiscard]] Answer add_address() const {
        const std::string proof = validated(server, folder.path(), email_for_account(address()));
        return post("/account/3pid", R"({"three_pid_creds":)" + proof + "}", tokens.at("alice"));
    }
    [[nodiscard]] Answer remove_address() const {
        return post("/account/3pid/delete", R"({"medium":"email","address":")" + address() + "\"}", tokens.at("alice"));
    }
    [[nodiscard]] std::string media_files() const {
        const std::filesystem::path store = folder.path() / "media_store";
        if (!std::filesystem::exists(store)) return "0";
        const std::filesystem::recursive_directory_iterator files(store);
        return std::to_string(std::count_if(begin(files), end(files), [](const auto& file) { return file.is_regular_file(); }));
    }
    [[nodiscard]] std::string addresses_of_alice() const {
        return boost::json::serialize(get("/account/3pid", tokens.at("alice")).body);
    }
    [[nodiscard]] Answer invite_address() const {
        return post("/rooms/" + room + "/invite", R"({"medium":"email","address":")" + address() + "\"}", tokens.at("alice"));
    }

    /// Sets what a module answers to one callback; its list of calls is empty then.
    void script(const std::string& module, const std::string& callback, const std::string& behaviour) const {
        boost::json::object script;
        if (!behaviour.empty()) script[callback] = behaviour;
        EXPECT_EQ(server.request("PUT", "/_synapse/client/scripted/" + module, boost::json::serialize(script)).status, 200);
    }
    /// Whether a module was asked; what runs behind the answer is waited for.
    [[nodiscard]] bool was_asked(const std::string& module, const std::string& callback, bool expected) const {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        for (;;) {
            const Answer answer = server.request("GET", "/_synapse/client/scripted/" + module);
            for (const boost::json::value& asked : answer.body.at("asked").as_array()) {
                if (asked.as_string() == callback) return true;
            }
            if (!expected || std::chrono::steady_clock::now() > until) return false;
            std::this_thread::yield();
        }
    }

    int number = 0;  ///< of the scenario
    std::map<std::string, std::string> tokens;
    std::string room;
    std::string token;
    std::string since;
    std::string event;
};

/// One callback of the contract.
struct Row {
    std::string callback;
    std::function<void(Stage&)> prepare;
    std::function<Answer(Stage&)> operate;
    /// What others see of it; changes when it was done.
    std::function<std::string(const Stage&)> observe;
    Outcome decided;
    /// Whose decision it was, as the client sees; none: the client can't tell.
    std::function<std::string(const Stage&, const Answer&)> decided_by;
    Outcome passed;
    Outcome nobody;  ///< no module is registered
    bool stays_when_thrown = false;
};

/// In the names of the tests.
void PrintTo(const Row& row, std::ostream* out) { *out << row.callback; }

/// The presence that a sync brought of the stars that modules route.
std::string stars_in(const Answer& sync) {
    std::string stars;
    for (const char* const module : {"a", "b"}) {
        const std::string star = std::string("@star-of-") + module + ":hs.test";
        for (const boost::json::value& event : sync.body.at("presence").at("events").as_array()) {
            if (event.at("sender").as_string() == star) stars += module;
        }
    }
    return stars;
}

std::string user_in(const std::string& user_id) { return user_id.starts_with("@user-of-") ? user_id.substr(9, 1) : ""; }
std::string namer_in(const std::string& name) {
    const std::size_t at = name.find("named-by-");
    return at == std::string::npos ? "" : name.substr(at + 9, 1);
}

const auto nothing_to_prepare = [](Stage&) {};
const auto a_room = [](Stage& stage) { stage.room = stage.create_room(stage.tokens["alice"]); };
const auto a_public_room = [](Stage& stage) {
    stage.room = stage.create_room(stage.tokens["alice"], R"({"preset":"public_chat"})");
};
const auto a_message = [](Stage& stage) {
    a_room(stage);
    stage.event = stage.send(stage.room, "hello", stage.tokens["alice"]).text("event_id");
};
const auto a_user = [](Stage& stage) { stage.token = stage.sign_up().text("access_token"); };
const auto a_session = [](Stage& stage) { stage.token = stage.log_in().text("access_token"); };
const auto a_place_in_the_stream = [](Stage& stage) {
    stage.since = stage.get("/sync", stage.tokens["fan"]).text("next_batch");
};
const auto stars_online = [](Stage& stage) {
    for (const char* const star : {"star-of-a", "star-of-b"}) {
        EXPECT_EQ(
            stage.put(std::string("/presence/@") + star + ":hs.test/status", R"({"presence":"online"})", stage.tokens[star])
                .status,
            200);
    }
};
const auto sign_up = [](Stage& stage) { return stage.sign_up(); };
const auto log_in = [](Stage& stage) { return stage.log_in(); };
const auto say = [](Stage& stage) { return stage.send(stage.room, stage.name("message"), stage.tokens["alice"]); };
const auto invite_address = [](Stage& stage) { return stage.invite_address(); };
const auto invite_bob = [](Stage& stage) {
    return stage.post("/rooms/" + stage.room + "/invite", R"({"user_id":"@bob:hs.test"})", stage.tokens["alice"]);
};
const auto membership_of_bob = [](const Stage& stage) {
    return stage.get("/rooms/" + stage.room + "/state/m.room.member/@bob:hs.test", stage.tokens.at("alice")).text("membership");
};
const auto publish = [](Stage& stage) {
    return stage.put("/directory/list/room/" + stage.room, R"({"visibility":"public"})", stage.tokens["alice"]);
};
const auto deactivate = [](Stage& stage) {
    return stage.admin("POST", "/v1/deactivate/@" + stage.name("user") + ":hs.test", "{}");
};
const auto log_in_by = [](const std::string& rest) { return [rest](Stage& stage) { return stage.post("/login", rest, {}); }; };
const auto by_verdict = [](const Stage&, const Answer& answer) { return answer.text("org.example.by"); };
const auto by_user = [](const Stage&, const Answer& answer) { return user_in(answer.text("user_id")); };
const auto visibility_of_the_room = [](const Stage& stage) {
    return stage.get("/directory/list/room/" + stage.room, {}).text("visibility");
};
const auto profile_of_user = [](const Stage& stage) {
    return stage.get("/profile/@" + stage.name("user") + ":hs.test/displayname", {}).text("displayname");
};
const auto no_effect = std::function<std::string(const Stage&)>();
const auto nobody_named = std::function<std::string(const Stage&, const Answer&)>();

template <std::size_t size>
Answer upload_bytes(Stage& stage) {
    return stage.server.request("POST", "/_matrix/media/v3/upload", std::string(size, 'x'), stage.tokens["alice"]);
}

Outcome refused(int status, const std::string& errcode, const std::string& error) { return {status, errcode, error}; }
Outcome spam(const std::string& error) { return {403, "M_CONSENT_NOT_GIVEN", error}; }

std::vector<Row> all_rows() {
    const Outcome done;
    const Outcome too_much = refused(400, "M_RESOURCE_LIMIT_EXCEEDED", "Media upload limit exceeded");
    const Outcome wrong_password = refused(403, "M_FORBIDDEN", "Invalid username or password");
    std::vector<Row> rows;
    const auto row = [&](const std::string& callback, auto prepare, auto operate, auto observe, Outcome decided,
                         auto decided_by) -> Row& {
        rows.push_back({callback, prepare, operate, observe, std::move(decided), decided_by, {}, {}, false});
        return rows.back();
    };

    row(
        "on_account_data_updated", nothing_to_prepare,
        [](Stage& stage) {
            return stage.put("/user/@alice:hs.test/account_data/" + stage.name("org.example.n"), R"({"v":1})",
                             stage.tokens["alice"]);
        },
        [](const Stage& stage) {
            return std::to_string(
                stage.get("/user/@alice:hs.test/account_data/" + stage.name("org.example.n"), stage.tokens.at("alice")).status);
        },
        done, nobody_named);

    row(
        "is_user_expired", nothing_to_prepare, [](Stage& stage) { return stage.get("/account/whoami", stage.tokens["bob"]); },
        no_effect, refused(403, "ORG_MATRIX_EXPIRED_ACCOUNT", "User account has expired"), nobody_named);
    row("on_user_registration", nothing_to_prepare, sign_up, &Stage::availability, done, nobody_named).stays_when_thrown = true;
    row("on_user_login", nothing_to_prepare, log_in, &Stage::device, done, nobody_named).stays_when_thrown = true;

    row(
        "add_field_to_unsigned", a_message,
        [](Stage& stage) { return stage.get("/rooms/" + stage.room + "/event/" + stage.event, stage.tokens["alice"]); },
        no_effect, done,
        [](const Stage&, const Answer& answer) {
            const boost::json::value* const by = answer.body.at("unsigned").as_object().if_contains("org.example.by");
            return by != nullptr ? std::string(by->as_string()) : std::string();
        });

    Row& checker =
        row("auth_checkers", nothing_to_prepare,
            log_in_by(R"({"type":"org.example.scripted","field":1,"identifier":{"type":"m.id.user","user":"alice"}})"),
            &Stage::sessions_of_accepted, done, by_user);
    checker.passed = wrong_password;
    checker.nobody = refused(400, "M_UNKNOWN", "Unknown login type org.example.scripted");
    Row& third_party =
        row("check_3pid_auth", nothing_to_prepare,
            log_in_by(R"({"type":"m.login.password","password":"x","identifier":{"type":"m.id.thirdparty","medium":"email",)"
                      R"("address":"a@example.org"}})"),
            &Stage::sessions_of_accepted, done, by_user);
    third_party.passed = third_party.nobody = wrong_password;
    row(
        "on_logged_out", a_session, [](Stage& stage) { return stage.post("/logout", "{}", stage.token); }, &Stage::device, done,
        nobody_named);
    row("get_username_for_registration", nothing_to_prepare, sign_up, no_effect, done,
        [](const Stage&, const Answer& answer) { return namer_in(answer.text("user_id")); });
    row("get_displayname_for_registration", nothing_to_prepare, sign_up, &Stage::availability, done,
        [](const Stage& stage, const Answer&) { return namer_in(profile_of_user(stage)); });

    row(
        "get_users_for_states", a_place_in_the_stream,
        [](Stage& stage) {
            return stage.put("/presence/@alice:hs.test/status",
                             R"({"presence":"online","status_msg":")" + stage.name("busy with ") + "\"}",
                             stage.tokens["alice"]);
        },
        [](const Stage& stage) {
            return stage.get("/presence/@alice:hs.test/status", stage.tokens.at("alice")).text("status_msg");
        },
        done,
        [](const Stage& stage, const Answer&) {
            return stars_in(stage.get("/sync?since=" + stage.since, stage.tokens.at("fan")));
        });
    row(
        "get_interested_users", stars_online, [](Stage& stage) { return stage.get("/sync", stage.tokens["fan"]); }, no_effect,
        done, [](const Stage&, const Answer& answer) { return stars_in(answer); });

    row("check_event_for_spam", a_room, say, &Stage::latest_event, spam("This message had been rejected as probable spam"),
        by_verdict);
    row(
        "user_may_join_room", a_public_room,
        [](Stage& stage) { return stage.post("/join/" + stage.room, "{}", stage.tokens["bob"]); }, &Stage::joined_rooms_of_bob,
        spam("Not allowed to join this room"), by_verdict);
    row("user_may_invite", a_room, invite_bob, membership_of_bob, spam("Invites have been disabled on this server"),
        by_verdict);
    row("get_ratelimit_override_for_user", a_room, invite_bob, membership_of_bob,
        refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests"), nobody_named);
    row(
        "user_may_create_room", nothing_to_prepare,
        [](Stage& stage) { return stage.post("/createRoom", "{}", stage.tokens["bob"]); }, &Stage::joined_rooms_of_bob,
        spam("You are not permitted to create rooms"), by_verdict);
    row(
        "user_may_create_room_alias", a_room,
        [](Stage& stage) {
            return stage.put("/directory/room/%23" + stage.name("alias") + ":hs.test", R"({"room_id":")" + stage.room + "\"}",
                             stage.tokens["alice"]);
        },
        [](const Stage& stage) {
            return stage.get("/directory/room/%23" + stage.name("alias") + ":hs.test", {}).text("room_id");
        },
        spam("This user is not permitted to create this alias"), by_verdict);
    row("user_may_publish_room", a_room, publish, visibility_of_the_room,
        spam("This user is not permitted to publish rooms to the room list"), by_verdict);
    row(
        "check_username_for_spam",
        [](Stage& stage) {
            a_public_room(stage);
            EXPECT_EQ(stage.post("/join/" + stage.room, "{}", stage.tokens["bob"]).status, 200);
        },
        [](Stage& stage) { return stage.post("/user_directory/search", R"({"search_term":"bob"})", stage.tokens["alice"]); },
        no_effect, done,
        [](const Stage&, const Answer& answer) {
            return std::string(answer.body.at("results").as_array().empty() ? "somebody" : "");
        });
    row("check_registration_for_spam", nothing_to_prepare, sign_up, &Stage::availability,
        refused(429, "M_UNKNOWN", "Rate limited"), nobody_named);
    row("check_media_file_for_spam", nothing_to_prepare, upload_bytes<10>, &Stage::media_files,
        refused(400, "M_UNKNOWN", "Bad content"), nobody_named);
    row(
        "get_media_config_for_user", nothing_to_prepare,
        [](Stage& stage) { return stage.server.request("GET", "/_matrix/client/v1/media/config", "", stage.tokens["alice"]); },
        no_effect, done, by_verdict);
    row("is_user_allowed_to_upload_media_of_size", nothing_to_prepare, upload_bytes<10>, &Stage::media_files,
        refused(413, "M_TOO_LARGE", "Upload request body is too large"), nobody_named);
    row("get_media_upload_limits_for_user", nothing_to_prepare, upload_bytes<10>, &Stage::media_files, too_much, nobody_named);
    Row& exceeding = row("on_media_upload_limit_exceeded", nothing_to_prepare, upload_bytes<1001>, &Stage::media_files,
                         too_much, nobody_named);
    exceeding.passed = exceeding.nobody = too_much;
    row(
        "user_may_send_state_event", a_room,
        [](Stage& stage) {
            return stage.put("/rooms/" + stage.room + "/state/org.example.sign", R"({"says":")" + stage.name("welcome ") + "\"}",
                             stage.tokens["alice"]);
        },
        &Stage::latest_event, refused(403, "M_FORBIDDEN", "You are not permitted to send the state event"), nobody_named);
    row("check_login_for_spam", nothing_to_prepare, log_in, &Stage::device, spam("Login was blocked by the server"),
        by_verdict);

    row("check_event_allowed", a_room, say, &Stage::latest_event,
        refused(403, "M_FORBIDDEN", "This event is not allowed in this context"), nobody_named);
    row(
        "on_create_room", nothing_to_prepare, [](Stage& stage) { return stage.post("/createRoom", "{}", stage.tokens["bob"]); },
        &Stage::joined_rooms_of_bob, done,
        [](const Stage& stage, const Answer& answer) {
            const std::string path = "/rooms/" + answer.text("room_id") + "/state/m.room.topic";
            const std::string topic = stage.get(path, stage.tokens.at("bob")).text("topic");
            return topic.empty() ? topic : topic.substr(std::string("stamped by ").size());
        });
    row("check_visibility_can_be_modified", a_room, publish, visibility_of_the_room,
        refused(403, "M_UNKNOWN", "Not allowed to publish room"), nobody_named);
    row("on_new_event", a_room, say, &Stage::latest_event, done, nobody_named);
    row(
        "check_can_shutdown_room", a_room, [](Stage& stage) { return stage.admin("DELETE", "/v1/rooms/" + stage.room, "{}"); },
        [](const Stage& stage) {
            return std::to_string(stage.get("/rooms/" + stage.room + "/state", stage.tokens.at("alice")).status);
        },
        refused(403, "M_FORBIDDEN", "Shutdown of this room is forbidden"), nobody_named);
    row("check_can_deactivate_user", a_user, deactivate, &Stage::deactivated,
        refused(403, "M_FORBIDDEN", "Deactivation of this user is forbidden"), nobody_named);
    row(
        "on_profile_update", a_user,
        [](Stage& stage) {
            return stage.put("/profile/@" + stage.name("user") + ":hs.test/displayname", R"({"displayname":"Somebody"})",
                             stage.token);
        },
        profile_of_user, done, nobody_named);
    row("on_user_deactivation_status_changed", a_user, deactivate, &Stage::deactivated, done, nobody_named);

    row(
        "is_3pid_allowed", nothing_to_prepare,
        [](Stage& stage) { return request_token(stage.server, email_for_account(stage.address())); },
        [](const Stage& stage) { return std::to_string(sent_mails(stage.folder.path()).size()); },
        refused(403, "M_THREEPID_DENIED", "Your email domain is not authorized on this server"), nobody_named);
    row("user_may_send_3pid_invite", a_room, invite_address, &Stage::latest_event, spam("Cannot send threepid invite"),
        by_verdict);
    row("check_threepid_can_be_invited", a_room, invite_address, &Stage::latest_event,
        refused(403, "M_FORBIDDEN", "This third-party identifier can not be invited in this room"), nobody_named);
    for (const char* const callback : {"on_add_user_third_party_identifier", "on_threepid_bind"}) {
        row(
            callback, nothing_to_prepare, [](Stage& stage) { return stage.add_address(); }, &Stage::addresses_of_alice, done,
            nobody_named);
    }
    row(
        "on_remove_user_third_party_identifier", [](Stage& stage) { EXPECT_EQ(stage.add_address().status, 200); },
        [](Stage& stage) { return stage.remove_address(); }, &Stage::addresses_of_alice, done, nobody_named);
    return rows;
}

const callbacks::CallbackDescription& description_of(const std::string& callback) {
    const auto& all = callbacks::callback_descriptions();
    return *std::find_if(all.begin(), all.end(), [&](const auto& description) { return description.name == callback; });
}

class ContractTest : public testing::TestWithParam<Row> {
protected:
    [[nodiscard]] const Row& row() const { return GetParam(); }
    [[nodiscard]] std::string_view combine_rule() const { return description_of(row().callback).combine_rule; }
    [[nodiscard]] std::string_view error_rule() const { return description_of(row().callback).error_rule; }
    [[nodiscard]] bool a_decision_ends_the_walk() const { return combine_rule().starts_with("first"); }
    [[nodiscard]] bool an_exception_is_passed_over() const { return error_rule() == "skip" || error_rule() == "log, go on"; }

    /// What an exception of module a or b becomes.
    [[nodiscard]] Outcome thrown(bool is_synapse_error, const std::string& module) const {
        if (an_exception_is_passed_over()) return row().passed;
        if (error_rule() == "fail 500") return {500, "M_UNKNOWN", "Internal Server Error"};
        if (is_synapse_error) return {418, "ORG_EXAMPLE_TEAPOT", "teapot of " + module};
        if (error_rule() == "SynapseError propagates, else 403")
            return {403, "M_UNKNOWN", "Room creation forbidden with these parameters"};
        return {500, "M_UNKNOWN", "Internal server error"};
    }
    /// Whose decision counts when both decide.
    [[nodiscard]] std::string decider_of_both() const {
        if (a_decision_ends_the_walk()) return "a";
        return combine_rule().starts_with("union") ? "ab" : "b";
    }

    void expect(const Answer& answer, const Outcome& outcome) const {
        EXPECT_EQ(answer.status, outcome.status) << answer.body;
        if (outcome.status == 200) return;
        EXPECT_EQ(answer.text("errcode"), outcome.errcode) << answer.body;
        EXPECT_EQ(answer.text("error"), outcome.error) << answer.body;
    }

    /// Runs the operation once, with what the modules answer: empty, `decide`, `throw`, `throw SynapseError`.
    void run(Stage& stage, const std::string& of_a, const std::string& of_b) const {
        SCOPED_TRACE("a: " + of_a + ", b: " + of_b);
        ++stage.number;
        row().prepare(stage);
        const std::string before = row().observe ? row().observe(stage) : "";
        stage.script("a", row().callback, of_a);
        stage.script("b", row().callback, of_b);

        const Answer answer = row().operate(stage);

        const bool a_throws = of_a.starts_with("throw");
        const bool b_throws = of_b.starts_with("throw");
        const bool a_ends = (of_a == "decide" && a_decision_ends_the_walk()) || (a_throws && !an_exception_is_passed_over());
        EXPECT_TRUE(stage.was_asked("a", row().callback, true));
        EXPECT_EQ(stage.was_asked("b", row().callback, !a_ends), !a_ends);
        const bool decided = of_a == "decide" || (of_b == "decide" && !a_ends);
        const bool failed = (a_throws || (b_throws && !a_ends)) && !an_exception_is_passed_over();
        Outcome outcome = decided ? row().decided : row().passed;
        if (failed) outcome = thrown((a_throws ? of_a : of_b) != "throw", a_throws ? "a" : "b");
        expect(answer, outcome);
        for (const char* const module : {"a", "b"}) stage.script(module, row().callback, "");
        if (row().observe) {
            const bool is_stored = failed ? row().stays_when_thrown : outcome.status == 200;
            EXPECT_EQ(row().observe(stage) != before, is_stored);
        }
        if (!row().decided_by || failed) return;
        std::string decider = of_a == "decide" ? "a" : of_b == "decide" ? "b" : "";
        if (of_a == "decide" && of_b == "decide") decider = decider_of_both();
        const std::string named = row().decided_by(stage, answer);
        EXPECT_TRUE(named == decider || (named == "somebody" && decided)) << named << " instead of " << decider;
    }
};

TEST_P(ContractTest, HoldsWithTwoModulesInBothOrders) {
    Stage stage(
        "modules:\n  - {module: scripted.Scripted, config: {name: a}}\n  - {module: scripted.Scripted, config: {name: b}}\n");
    run(stage, "", "");
    run(stage, "decide", "");
    run(stage, "", "decide");
    run(stage, "decide", "decide");
    run(stage, "throw", "");
    run(stage, "", "throw");
    run(stage, "throw SynapseError", "");
    run(stage, "", "throw SynapseError");
    run(stage, "throw", "decide");
}

TEST_P(ContractTest, LetsTheHostDecideWhenNoModuleIsThere) {
    Stage stage("");
    row().prepare(stage);
    const std::string before = row().observe ? row().observe(stage) : "";
    expect(row().operate(stage), row().nobody);
    if (row().observe) {
        EXPECT_EQ(row().observe(stage) != before, row().nobody.status == 200);
    }
}

INSTANTIATE_TEST_SUITE_P(Callback, ContractTest, testing::ValuesIn(all_rows()),
                         [](const auto& parameter) { return parameter.param.callback; });

TEST(ContractTable, HasARowForEveryCallbackOfAnOperationThatThisServerHas) {
    std::set<std::string_view> missing;
    for (const callbacks::CallbackDescription& description : callbacks::callback_descriptions())
        missing.insert(description.name);
    for (const Row& row : all_rows()) EXPECT_EQ(missing.erase(row.callback), 1U) << row.callback;
    const std::set<std::string_view> elsewhere = {
        "on_update", "default_batch_size", "min_batch_size",  // background_update_test.cpp
        "should_drop_federated_event",                        // federation_test.cpp
        "federated_user_may_invite",
    };
    EXPECT_EQ(missing, elsewhere);
}

}  // namespace
