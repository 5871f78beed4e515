#pragma once

#include "patience.h"
#include "room_test.h"

#include <filesystem>
#include <fstream>
#include <string>

namespace homeserver_test {

/// Uploads to a running server, and what is left of them.
class MediaServerTest : public RoomTest {
protected:
    explicit MediaServerTest(const std::string& settings, int workers = 1)
        : RoomTest(settings, workers), alice(server.register_user("alice")) {}

    [[nodiscard]] Answer upload(const std::string& bytes, const std::string& token) const {
        return server.request("POST", "/_matrix/media/v3/upload", bytes, token);
    }
    /// Files in the store, also those of unfinished uploads.
    [[nodiscard]] std::size_t files() const {
        std::size_t count = 0;
        if (!std::filesystem::exists(folder.path() / "media_store")) return count;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "media_store")) {
            if (entry.is_regular_file()) ++count;
        }
        return count;
    }
    void expect_files_in_the_end(std::size_t count) const {
        for (const Patience patience; patience.is_left() && files() != count;) continue;
        EXPECT_EQ(files(), count) << server.log();
    }
    /// The beginning of an upload: headers that end with `more`.
    [[nodiscard]] static std::string upload_header(const std::string& token, const std::string& more) {
        return "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n" + more +
               "\r\n\r\n";
    }
    /// Of the server's memory, in kB.
    [[nodiscard]] long resident() const {
        std::ifstream status("/proc/" + std::to_string(server.process()) + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
        }
        return 0;
    }

    std::string alice;
};

}  // namespace homeserver_test
