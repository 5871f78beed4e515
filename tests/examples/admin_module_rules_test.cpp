#include "admin_server.h"
#include "patience.h"

#include <boost/json/serialize.hpp>

#include <string>
#include <vector>

/// What an admin changes of how far modules are trusted, while the server runs.
namespace {

using namespace homeserver_test;

/// A module without rules that refuses mallory's messages; two probes, the second of which says in its rules what its callbacks
/// that only notify are.
class AdminModuleRules : public AdminServer {
protected:
    explicit AdminModuleRules(int workers)
        : AdminServer(
              std::string("modules:\n"
                          "  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: ['@mallory:hs.test']}}\n"
                          "  - {module: probe.Probe, config: {name: a, unsigned: false}}\n"
                          "  - module: probe.Probe\n"
                          "    config: {name: b, auth: false}\n"
                          "    callbacks:\n") +
                  rules_of_what_notifies,
              workers) {}

    [[nodiscard]] Answer change(const std::string& which, const std::string& body) const {
        return admin("PUT", "/v1/modules/" + which, body);
    }
    [[nodiscard]] boost::json::value callback(std::size_t position, const std::string& name) const {
        return admin("GET", "/v1/modules").body.at("modules").at(position).at("callbacks").at(name);
    }
    /// The status of each of so many messages, which reach every worker.
    [[nodiscard]] std::vector<int> statuses(const std::string& user) {
        if (token_.empty()) token_ = server.register_user(user);
        if (room_.empty()) room_ = create_room(token_);
        std::vector<int> answered;
        for (int message = 0; message < messages_sent; ++message) answered.push_back(send(room_, "hello", token_).status);
        return answered;
    }
    [[nodiscard]] static std::vector<int> all(int status) { return std::vector<int>(messages_sent, status); }

private:
    static constexpr int messages_sent = 8;
    std::string token_;
    std::string room_;
};

class OnWorkers : public AdminModuleRules, public testing::WithParamInterface<int> {
protected:
    OnWorkers() : AdminModuleRules(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(AdminModuleRulesTest, OnWorkers, testing::Values(1, 2));

TEST_P(OnWorkers, AModuleIsSwitchedOffAndOnAgainForEveryNextMessage) {
    EXPECT_EQ(statuses("mallory"), all(403));
    const Answer changed = change("list_spam_checker.ListSpamChecker", R"({"mode": "off"})");
    EXPECT_EQ(changed.status, 200) << changed.body;
    EXPECT_EQ(boost::json::serialize(changed.body), R"({"position":0,"name":"list_spam_checker.ListSpamChecker"})");
    EXPECT_EQ(statuses("mallory"), all(200));
    EXPECT_EQ(callback(0, "check_event_for_spam").at("mode"), "off");
    EXPECT_EQ(callback(0, "check_event_for_spam").at("share"), "100%");
    EXPECT_TRUE(
        server.log_shows("info @root:hs.test changed modules[0] (module list_spam_checker.ListSpamChecker): mode off\n"));
    EXPECT_EQ(change("0", R"({"mode": "enforce"})").status, 200);
    EXPECT_EQ(statuses("mallory"), all(403));
}

TEST_P(OnWorkers, AModuleIsTriedInShadowModeAndThenForAShare) {
    const std::int64_t wanted = std::ssize(all(0));
    EXPECT_EQ(change("0", R"({"mode": "shadow"})").status, 200);
    EXPECT_EQ(statuses("mallory"), all(200));
    const auto differed = [&] {
        const boost::json::value row = callback(0, "check_event_for_spam");
        const boost::json::value* const shadow = row.as_object().if_contains("shadow");
        return shadow != nullptr ? shadow->at("differed").to_number<std::int64_t>() : 0;
    };
    const Patience patience;
    while (differed() < wanted && patience.is_left()) continue;
    EXPECT_EQ(differed(), wanted);
    EXPECT_EQ(change("0", R"({"mode": "enforce", "share": "0%"})").status, 200);
    EXPECT_EQ(statuses("mallory"), all(200));
    EXPECT_EQ(change("0", R"({"share": 100})").status, 200);
    EXPECT_EQ(statuses("mallory"), all(403));
    EXPECT_EQ(change("0", R"({"share": "12.5%"})").status, 200);
    EXPECT_EQ(callback(0, "check_event_for_spam").at("share"), "12.5%");
}

class AdminModuleRulesTest : public AdminModuleRules {
protected:
    AdminModuleRulesTest() : AdminModuleRules(1) {}
};

TEST_F(AdminModuleRulesTest, NamesTheCallbacksThatCannotHaveIt) {
    const Answer shadowed = change("1", R"({"mode": "shadow"})");
    EXPECT_EQ(shadowed.status, 400);
    EXPECT_EQ(shadowed.text("errcode"), "M_INVALID_PARAM");
    EXPECT_TRUE(shadowed.text("error").starts_with("mode: shadow can't be had by on_account_data_updated, ")) << shadowed.body;
    for (const char* const name : {"on_user_registration", "on_new_event", "on_logged_out", "(module probe.Probe)"})
        EXPECT_NE(shadowed.text("error").find(name), std::string::npos) << shadowed.body;
    const Answer shared = change("1", R"({"share": 50})");
    EXPECT_EQ(shared.status, 400);
    EXPECT_TRUE(shared.text("error").starts_with("share: a share of ")) << shared.body;
    EXPECT_NE(shared.text("error").find("check_media_file_for_spam"), std::string::npos) << shared.body;
    EXPECT_EQ(callback(1, "check_event_for_spam").at("mode"), "enforce");
    EXPECT_EQ(change("1", R"({"share": 0})").status, 200);
}

TEST_F(AdminModuleRulesTest, KeepsWhatTheFileSaysOfThoseThatCannotHaveIt) {
    EXPECT_EQ(change("2", R"({"mode": "shadow"})").status, 200);
    EXPECT_EQ(callback(2, "check_event_for_spam").at("mode"), "shadow");
    EXPECT_EQ(callback(2, "on_new_event").at("mode"), "enforce");
    EXPECT_EQ(callback(1, "check_event_for_spam").at("mode"), "enforce");
}

TEST_F(AdminModuleRulesTest, SwitchesOffWhatAModuleAddsToEvents) {
    const std::string alice = server.register_user("alice");
    const std::string room = create_room(alice);
    const auto is_marked = [&] {
        const Answer latest = get("/rooms/" + room + "/messages?dir=b&limit=1", alice);
        const boost::json::value* const added = latest.body.at("chunk").at(0).as_object().if_contains("unsigned");
        return added != nullptr && added->as_object().contains("org.example.probe_b");
    };
    EXPECT_TRUE(is_marked());
    EXPECT_EQ(change("2", R"({"mode": "off"})").status, 200);
    EXPECT_FALSE(is_marked());
}

TEST_F(AdminModuleRulesTest, SaysWhichEntriesHaveANameThatIsntEnough) {
    expect_error(change("probe.Probe", R"({"mode": "off"})"), 400, "M_INVALID_PARAM",
                 "Several entries of modules: have the module probe.Probe; say which, by its position: 1, 2");
    for (const char* const which : {"3", "-1", "99999999999999999999", "my_module.MyModule"}) {
        expect_error(change(which, R"({"mode": "off"})"), 404, "M_NOT_FOUND",
                     std::string("There is no entry ") + which + " of modules:");
    }
}

TEST_F(AdminModuleRulesTest, RefusesWhatIsNoModeAndNoShare) {
    const auto refusal = [&](const std::string& body) {
        const Answer answer = change("0", body);
        EXPECT_EQ(answer.status, 400) << answer.body;
        return answer.text("error");
    };
    EXPECT_EQ(refusal("{}"), "has neither a mode nor a share");
    EXPECT_EQ(refusal(R"({"mode": "maybe"})"), "mode: must be enforce, shadow or off");
    const std::string no_share = "share: must be a percentage from 0% to 100%, with at most two decimal places";
    for (const char* const share : {"\"150%\"", "101", "-1", "\"half\"", "true"})
        EXPECT_EQ(refusal(std::string("{\"share\": ") + share + "}"), no_share) << share;
    EXPECT_EQ(refusal(R"({"mode": "off", "deadline": "2s"})"), "deadline: is not a known key; known are mode, share");
    EXPECT_EQ(refusal("off"), "Content not JSON.");
    EXPECT_EQ(refusal("[]"), "Content must be a JSON object.");
    EXPECT_EQ(callback(0, "check_event_for_spam").at("mode"), "enforce");
}

TEST_F(AdminModuleRulesTest, AreChangedByAdminsOnly) {
    const std::string alice = server.register_user("alice");
    const std::string path = "/_synapse/admin/v1/modules/0";
    const std::string body = R"({"mode": "off"})";
    expect_error(server.request("PUT", path, body, alice), 403, "M_FORBIDDEN", "You are not a server admin");
    expect_error(server.request("PUT", path, body), 401, "M_MISSING_TOKEN", "Missing access token");
    expect_error(server.request("GET", path, "", root), 405, "M_UNRECOGNIZED", "Unrecognized request");
    EXPECT_EQ(callback(0, "check_event_for_spam").at("mode"), "enforce");
}

}  // namespace
