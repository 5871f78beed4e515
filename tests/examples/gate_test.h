#pragma once

#include "admin_server.h"
#include "mail_sink.h"
#include "patience.h"

#include <functional>
#include <future>
#include <string>

namespace homeserver_test {

/// A server whose callbacks wait for the test, with users and an admin.
class GateServer : public AdminServer {
protected:
    explicit GateServer(int workers)
        : AdminServer(std::string(with_mail_sink) + "login_via_existing_session: {enabled: true, require_ui_auth: false}\n" +
                          "modules:\n  - {module: gate.GateModule}\n  - {module: api_caller.ApiCaller}\n",
                      workers),
          alice(server.register_user("alice")),
          bob(server.register_user("bob")) {}

    void set_gate(const std::string& body) const {
        EXPECT_EQ(server.request("PUT", "/_synapse/client/gate", body).status, 200);
    }
    /// Makes a request of which the named callback waits, does `meanwhile`, and lets the callback go on. Gives the answer.
    [[nodiscard]] Answer held(const std::string& callback, const std::function<Answer()>& request,
                              const std::function<void()>& meanwhile, const std::string& more = {}) const {
        set_gate(R"({"hold":")" + callback + "\"" + more + "}");
        std::future<Answer> answer = std::async(std::launch::async, request);
        const Patience patience;
        while (!is_waiting() && patience.is_left()) continue;
        EXPECT_TRUE(is_waiting()) << callback << " isn't asked";
        meanwhile();
        EXPECT_EQ(server.request("DELETE", "/_synapse/client/gate").status, 200);
        return answer.get();
    }
    /// A room that everybody may join.
    [[nodiscard]] std::string public_room(const std::string& token) const {
        return create_room(token, R"({"preset":"public_chat"})");
    }
    [[nodiscard]] std::string member(const std::string& room, const std::string& user, const std::string& key) const {
        return get("/rooms/" + room + "/state/m.room.member/@" + user + ":hs.test", bob).text(key);
    }
    [[nodiscard]] Answer rename(const std::string& token, const std::string& user, const std::string& name) const {
        return put("/profile/@" + user + ":hs.test/displayname", R"({"displayname":")" + name + "\"}", token);
    }
    void deactivate(const std::string& user) const {
        EXPECT_EQ(admin("POST", "/v1/deactivate/@" + user + ":hs.test", "{}").status, 200);
    }
    void log_out(const std::string& token) const { EXPECT_EQ(post("/logout", "{}", token).status, 200); }
    [[nodiscard]] Answer log_in(const std::string& password = "secret of alice") const {
        return post(
            "/login",
            R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":")" + password + "\"}",
            "");
    }
    void join(const std::string& room, const std::string& token) const {
        EXPECT_EQ(post("/join/" + room, "{}", token).status, 200);
    }
    void kick_alice(const std::string& room) const {
        EXPECT_EQ(post("/rooms/" + room + "/kick", R"({"user_id":"@alice:hs.test"})", bob).status, 200);
    }

    std::string alice;
    std::string bob;

private:
    [[nodiscard]] bool is_waiting() const { return server.request("GET", "/_synapse/client/gate").body.at("waits").as_bool(); }
};

inline void expect_no_session(const Answer& answer) {
    expect_error(answer, 401, "M_UNKNOWN_TOKEN", "Invalid access token passed.");
}

}  // namespace homeserver_test
