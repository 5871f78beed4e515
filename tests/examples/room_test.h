#pragma once

#include "server_process.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace homeserver_test {

/// Users, rooms and messages on a running server.
class RoomTest : public testing::Test {
protected:
    explicit RoomTest(const std::string& modules = {}, int workers = 1)
        : server(folder.path(), "enable_registration: true\nenable_registration_without_verification: true\nworkers: " +
                                    std::to_string(workers) + "\n" + modules) {}

    [[nodiscard]] Answer post(const std::string& path, const std::string& body, const std::string& token) const {
        return server.request("POST", client + path, body, token);
    }
    [[nodiscard]] Answer get(const std::string& path, const std::string& token) const {
        return server.request("GET", client + path, "", token);
    }
    [[nodiscard]] Answer put(const std::string& path, const std::string& body, const std::string& token) const {
        return server.request("PUT", client + path, body, token);
    }
    /// Creates a room; fails the test if that fails.
    [[nodiscard]] std::string create_room(const std::string& token, const std::string& body = "{}") const {
        const Answer answer = post("/createRoom", body, token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.text("room_id");
    }
    [[nodiscard]] Answer send(const std::string& room, const std::string& text, const std::string& token) {
        boost::json::object content;
        content["msgtype"] = "m.text";
        content["body"] = text;
        return put("/rooms/" + room + "/send/m.room.message/t" + std::to_string(++sent), boost::json::serialize(content),
                   token);
    }
    /// Requests with the same body that are sent at once, each on a connection of its own; gives the answers as they came.
    [[nodiscard]] std::vector<std::string> sent_at_once(const std::string& method, const std::vector<std::string>& paths,
                                                        const std::string& body, const std::string& token) const {
        std::vector<std::unique_ptr<RawConnection>> clients;
        for (const std::string& path : paths) {
            clients.push_back(std::make_unique<RawConnection>(server.port()));
            clients.back()->send(method + " " + client + path + " HTTP/1.1\r\nHost: hs.test\r\nConnection: close\r\n" +
                                 (token.empty() ? token : "Authorization: Bearer " + token + "\r\n") +
                                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        }
        std::vector<std::string> answers;
        for (const std::unique_ptr<RawConnection>& each : clients) answers.push_back(each->read_to_end());
        return answers;
    }
    /// The bodies of a list of events, in order; the type of those without.
    [[nodiscard]] static std::vector<std::string> bodies(const boost::json::value& events) {
        std::vector<std::string> found;
        for (const boost::json::value& event : events.as_array()) {
            const boost::json::value* const body = event.at("content").as_object().if_contains("body");
            found.emplace_back(body != nullptr ? body->as_string() : event.at("type").as_string());
        }
        return found;
    }

    static inline const std::string client = "/_matrix/client/v3";
    TemporaryFolder folder;
    ServerProcess server;
    int sent = 0;
};

inline void expect_error(const Answer& answer, int status, const std::string& errcode, const std::string& error) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.text("errcode"), errcode) << answer.body;
    EXPECT_EQ(answer.text("error"), error) << answer.body;
}

}  // namespace homeserver_test
