// What a user may upload, and in which time: as it is configured, and as a module says.
#include "media_test.h"

#include <modapi/database.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <vector>

namespace {

using namespace homeserver_test;

constexpr const char* upload_settings =
    "max_upload_size: 1M\n"
    "media_upload_limits: [{time_period: 1h, max_size: 1000}, {time_period: 1d, max_size: 1500}]\n"
    "modules: [{module: limiting.Limiting, config: {}}]\n";

class UploadLimitTest : public MediaServerTest {
protected:
    explicit UploadLimitTest(int workers = 1) : MediaServerTest(upload_settings, workers) {}

    [[nodiscard]] Answer upload_bytes(std::size_t size, const std::string& token) const {
        return upload(std::string(size, 'x'), token);
    }
    void expect_exceeded(const Answer& answer, const std::string& log_line) const {
        expect_error(answer, 400, "M_RESOURCE_LIMIT_EXCEEDED", "Media upload limit exceeded");
        EXPECT_TRUE(server.log_shows(log_line)) << server.log();
    }
    /// As if alice had uploaded it `ago`.
    void upload_before(const std::string& media_id, std::int64_t length, std::chrono::hours ago) const {
        struct Row {
            std::string media_id;
            std::int64_t length;
            std::int64_t creation_ts;
        } row{media_id, length,
              std::chrono::duration_cast<std::chrono::milliseconds>((std::chrono::system_clock::now() - ago).time_since_epoch())
                  .count()};
        const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
        database->run_blocking(
            "upload_before",
            [](modapi::Transaction& transaction, void* given) {
                const auto& wanted = *static_cast<const Row*>(given);
                transaction.execute(
                    "INSERT INTO media (media_id, content_type, file_name, uploader, length, creation_ts) VALUES (?, 'x', '', "
                    "'@alice:hs.test', ?, ?)",
                    wanted.media_id, wanted.length, wanted.creation_ts);
            },
            &row);
    }
};

TEST_F(UploadLimitTest, CountsAllThatWasUploadedInItsTime) {
    EXPECT_EQ(upload_bytes(600, alice).status, 200);
    expect_exceeded(upload_bytes(401, alice), "@alice:hs.test exceeds 1000 bytes in 3600000 ms: 600 and 401");
    EXPECT_EQ(upload_bytes(400, alice).status, 200);
    expect_exceeded(upload_bytes(1, alice), "@alice:hs.test exceeds 1000 bytes in 3600000 ms: 1000 and 1");
    EXPECT_EQ(upload_bytes(0, alice).status, 200) << "which is nothing";
    EXPECT_EQ(files(), 3U);
    EXPECT_EQ(upload_bytes(1000, server.register_user("bob")).status, 200) << "each user has it for themselves";
}

TEST_F(UploadLimitTest, CountsWhatIsOlderThanTheServersStartAndNotWhatIsOlderThanItsTime) {
    upload_before("AAAAAAAAAAAAAAAAAAAAAAAA", 1400, std::chrono::hours(25));
    upload_before("BBBBBBBBBBBBBBBBBBBBBBBB", 1400, std::chrono::hours(2));
    expect_exceeded(upload_bytes(101, alice), "@alice:hs.test exceeds 1500 bytes in 86400000 ms: 1400 and 101");
    EXPECT_EQ(upload_bytes(100, alice).status, 200);
}

TEST_F(UploadLimitTest, OfAModuleTakesThePlaceOfTheConfiguredOnes) {
    EXPECT_EQ(upload_bytes(5000, server.register_user("free")).status, 200);
    EXPECT_EQ(upload_bytes(5000, server.register_user("huge")).status, 200);
    const std::string two = server.register_user("two");
    EXPECT_EQ(upload_bytes(100, two).status, 200);
    expect_exceeded(upload_bytes(1, two), "@two:hs.test exceeds 100 bytes in 3600000 ms: 100 and 1");
    expect_exceeded(upload_bytes(500, two), "@two:hs.test exceeds 200 bytes in 86400000 ms: 100 and 500");
    expect_exceeded(upload_bytes(1, server.register_user("nothing")),
                    "@nothing:hs.test exceeds 0 bytes in 3600000 ms: 0 and 1");
    EXPECT_EQ(files(), 3U);
}

TEST_F(UploadLimitTest, ThatCannotBeIsTheModulesFailureAndNoUploadWithoutLimit) {
    for (const char* const name : {"negative", "timeless", "backwards", "eternal", "throwing"}) {
        expect_error(upload_bytes(1, server.register_user(name)), 500, "M_UNKNOWN", "Internal server error");
    }
    EXPECT_EQ(files(), 0U);
    EXPECT_TRUE(server.log_shows("limiting.Limiting")) << server.log();
    EXPECT_TRUE(server.log_shows("get_media_upload_limits_for_user")) << server.log();
    EXPECT_EQ(upload_bytes(1, alice).status, 200);
}

TEST_F(UploadLimitTest, OfASizeIsAskedBeforeTheBodyComesAndOnlyAboutWhatIsAllowedAnyway) {
    const std::string too_large = "Upload request body is too large";
    RawConnection connection(server.port());
    connection.send(upload_header(alice, "Content-Length: 667"));
    EXPECT_TRUE(connection.read_until(too_large).starts_with("HTTP/1.1 413 "));
    RawConnection in_chunks(server.port());
    in_chunks.send(upload_header(alice, "Transfer-Encoding: chunked") + "29b\r\n" + std::string(667, 'x') + "\r\n0\r\n\r\n");
    EXPECT_TRUE(in_chunks.read_until(too_large).starts_with("HTTP/1.1 413 "));
    expect_error(upload_bytes(667, alice), 413, "M_TOO_LARGE", too_large);
    expect_error(upload_bytes(1024 * 1024 + 1, alice), 413, "M_TOO_LARGE", too_large);
    EXPECT_EQ(server.log().find("may upload 1048577 bytes"), std::string::npos) << server.log();
    EXPECT_EQ(upload_bytes(666, alice).status, 200);
    EXPECT_EQ(files(), 1U);
}

TEST_F(UploadLimitTest, IsToldAtThreePathsAndByAModuleAsAWhole) {
    const std::string configured = server.register_user("configured");
    const std::string empty = server.register_user("empty");
    for (const std::string path : {"/_matrix/media/v3/config", "/_matrix/media/r0/config", "/_matrix/client/v1/media/config"}) {
        boost::json::object usual;
        usual["m.upload.size"] = 1024 * 1024;
        boost::json::object own;
        own["org.test.size"] = 7;
        EXPECT_EQ(server.request("GET", path, "", alice).body, usual);
        EXPECT_EQ(server.request("GET", path, "", empty).body, usual);
        EXPECT_EQ(server.request("GET", path, "", configured).body, own);
        expect_error(server.request("GET", path), 401, "M_MISSING_TOKEN", "Missing access token");
    }
}

class UploadsAtOnceTest : public UploadLimitTest {
protected:
    UploadsAtOnceTest() : UploadLimitTest(4) {}
};

TEST_F(UploadsAtOnceTest, CountEachOther) {
    std::vector<std::future<Answer>> uploads;
    for (int count = 0; count < 12; ++count)
        uploads.push_back(std::async(std::launch::async, [this] { return upload_bytes(300, alice); }));
    std::vector<int> statuses;
    for (std::future<Answer>& each : uploads) statuses.push_back(each.get().status);
    EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 200), 3);
    EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 400), 9);
    EXPECT_EQ(files(), 3U);
}

class AnnouncedMediaTest : public UploadLimitTest {
protected:
    [[nodiscard]] Answer announce(const std::string& token) const {
        return server.request("POST", "/_matrix/media/v1/create", "", token);
    }
    /// `hs.test/MEDIA`.
    [[nodiscard]] std::string announced(const std::string& token) const {
        return announce(token).text("content_uri").substr(6);
    }
    [[nodiscard]] Answer put_media(const std::string& media, const std::string& bytes, const std::string& token) const {
        return server.request("PUT", "/_matrix/media/v3/upload/" + media, bytes, token);
    }
    [[nodiscard]] Answer download(const std::string& media) const {
        return server.request("GET", "/_matrix/media/v3/download/" + media);
    }
    void expire_all() const {
        const std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
        database->run_blocking(
            "expire",
            [](modapi::Transaction& transaction, void*) { transaction.execute("UPDATE announced_media SET expires_ts = 1"); },
            nullptr);
    }
};

TEST_F(AnnouncedMediaTest, IsUploadedOnceByWhomItsIdWasGiven) {
    const Answer given = announce(alice);
    ASSERT_EQ(given.status, 200) << given.body;
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_NEAR(static_cast<double>(given.body.at("unused_expires_at").as_int64() - now), 24 * 3600e3, 60e3);
    const std::string media = given.text("content_uri").substr(6);
    ASSERT_TRUE(media.starts_with("hs.test/")) << media;
    expect_error(download(media), 504, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet");
    expect_error(put_media(media, "x", server.register_user("bob")), 403, "M_FORBIDDEN",
                 "This media ID was created by another user");
    EXPECT_EQ(put_media(media, R"({"a":"picture"})", alice).body, boost::json::object());
    EXPECT_EQ(download(media).text("a"), "picture");
    expect_error(put_media(media, "other", alice), 409, "M_CANNOT_OVERWRITE_MEDIA", "This media ID has its upload already");
    EXPECT_EQ(download(media).text("a"), "picture");
}

TEST_F(AnnouncedMediaTest, ThatNobodyWasGivenOrHasExpiredIsNotFound) {
    const std::string unknown = "Unknown media ID, or it has expired";
    expect_error(put_media("hs.test/AAAAAAAAAAAAAAAAAAAAAAAA", "x", alice), 404, "M_NOT_FOUND", unknown);
    expect_error(put_media("hs.test/..%2F..%2Fhomeserver.yaml", "x", alice), 404, "M_NOT_FOUND", unknown);
    expect_error(put_media("other.test/AAAAAAAAAAAAAAAAAAAAAAAA", "x", alice), 404, "M_NOT_FOUND",
                 "This media ID is of another server");
    const std::string media = announced(alice);
    expire_all();
    expect_error(put_media(media, "x", alice), 404, "M_NOT_FOUND", unknown);
    expect_error(download(media), 404, "M_NOT_FOUND", "Not found");
    expect_error(put_media(media, "x", {}), 401, "M_MISSING_TOKEN", "Missing access token");
    expect_error(announce({}), 401, "M_MISSING_TOKEN", "Missing access token");
}

TEST_F(AnnouncedMediaTest, WaitsForItsUploadFiveTimesForEachUser) {
    std::vector<std::string> given;
    for (int count = 0; count < 5; ++count) given.push_back(announced(alice));
    const Answer refused = announce(alice);
    expect_error(refused, 429, "M_LIMIT_EXCEEDED", "Too many media IDs wait for their uploads");
    EXPECT_GT(refused.body.at("retry_after_ms").as_int64(), 23 * 3'600'000);
    EXPECT_FALSE(refused.header("Retry-After").empty());
    EXPECT_EQ(announce(server.register_user("bob")).status, 200);
    EXPECT_EQ(put_media(given[0], "x", alice).status, 200);
    EXPECT_EQ(announce(alice).status, 200);
    EXPECT_EQ(announce(alice).status, 429);
    expire_all();
    EXPECT_EQ(announce(alice).status, 200);
}

TEST_F(AnnouncedMediaTest, HasTheLimitsOfEveryUploadAndWhatIsRefusedMayComeAgain) {
    const std::string media = announced(alice);
    expect_error(put_media(media, std::string(667, 'x'), alice), 413, "M_TOO_LARGE", "Upload request body is too large");
    expect_exceeded(put_media(media, std::string(1001, 'x'), alice),
                    "@alice:hs.test exceeds 1000 bytes in 3600000 ms: 0 and 1001");
    EXPECT_EQ(files(), 0U);
    EXPECT_EQ(put_media(media, std::string(1000, 'x'), alice).status, 200);
    EXPECT_EQ(upload_bytes(1, alice).status, 400);
}

TEST_F(AnnouncedMediaTest, ThatIsBeingUploadedIsNotUploadedBesides) {
    const std::string media = announced(alice);
    RawConnection slow(server.port());
    slow.send("PUT /_matrix/media/v3/upload/" + media + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice +
              "\r\nTransfer-Encoding: chunked\r\n\r\n64000\r\n" + std::string(300'000, 'x'));
    expect_files_in_the_end(1);
    expect_error(put_media(media, "x", alice), 409, "M_CANNOT_OVERWRITE_MEDIA", "This media ID has its upload already");
    slow.close();
    expect_files_in_the_end(0);
    EXPECT_EQ(put_media(media, "x", alice).status, 200);
}

}  // namespace
