#pragma once

#include "room_test.h"

#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace homeserver_test {

/// Two programs over one PostgreSQL database, one signing key and one folder of media.
class TwoProcessesTest : public testing::Test {
protected:
    explicit TwoProcessesTest(std::string modules = {}) : more_(std::move(modules)) {}

    [[nodiscard]] std::filesystem::path folder_of(const std::string& name) const {
        std::filesystem::create_directories(folder.path() / name);
        return folder.path() / name;
    }
    [[nodiscard]] std::string settings() const {
        return "enable_registration: true\nenable_registration_without_verification: true\nworkers: 1\n"
               "login_via_existing_session: {enabled: true, require_ui_auth: false}\n"
               "registration_shared_secret: between us\n"
               "signing_key_path: " +
               (folder.path() / "signing.key").string() + "\nmedia_store_path: " + (folder.path() / "media").string() + "\n" +
               more_;
    }

    [[nodiscard]] static Answer post(const ServerProcess& at, const std::string& path, const std::string& body,
                                     const std::string& token) {
        return at.request("POST", client + path, body, token);
    }
    [[nodiscard]] static Answer get(const ServerProcess& at, const std::string& path, const std::string& token) {
        return at.request("GET", client + path, "", token);
    }
    [[nodiscard]] static Answer put(const ServerProcess& at, const std::string& path, const std::string& body,
                                    const std::string& token) {
        return at.request("PUT", client + path, body, token);
    }
    [[nodiscard]] static std::string create_room(const ServerProcess& at, const std::string& token,
                                                 const std::string& body = R"({"preset":"public_chat"})") {
        const Answer answer = post(at, "/createRoom", body, token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.text("room_id");
    }
    static void join(const ServerProcess& at, const std::string& room, const std::string& token) {
        EXPECT_EQ(post(at, "/join/" + room, "{}", token).status, 200);
    }
    [[nodiscard]] static Answer send(const ServerProcess& at, const std::string& room, const std::string& transaction,
                                     const std::string& body, const std::string& token) {
        return put(at, "/rooms/" + room + "/send/m.room.message/" + transaction,
                   R"({"msgtype":"m.text","body":")" + body + "\"}", token);
    }
    [[nodiscard]] static std::string since(const ServerProcess& at, const std::string& token) {
        return get(at, "/sync", token).text("next_batch");
    }
    /// Has a sync of `token` wait at `at`, does `meanwhile`, and gives the answer; fails if that isn't there before the
    /// timeout.
    [[nodiscard]] static Answer woken(const ServerProcess& at, const std::string& token,
                                      const std::function<void()>& meanwhile) {
        const std::string from = since(at, token);
        const auto began = std::chrono::steady_clock::now();
        std::future<Answer> waiting =
            std::async(std::launch::async, [&] { return get(at, "/sync?timeout=25000&since=" + from, token); });
        EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(150)), std::future_status::timeout);
        meanwhile();
        Answer answer = waiting.get();
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
        return answer;
    }
    /// Does it `count` times at once.
    static void at_once(int count, const std::function<void(int)>& work) {
        std::vector<std::thread> threads;
        for (int index = 0; index < count; ++index) threads.emplace_back(work, index);
        for (std::thread& thread : threads) thread.join();
    }
    [[nodiscard]] const ServerProcess& either(int number) const { return number % 2 == 0 ? a : b; }

    static inline const std::string client = "/_matrix/client/v3";
    TemporaryFolder folder;

private:
    std::string more_;

protected:
    ServerProcess a{folder_of("a"), settings(), SharedDatabase{folder.path()}};
    ServerProcess b{folder_of("b"), settings() + "worker_name: b\n", SharedDatabase{folder.path()}};
};

}  // namespace homeserver_test
