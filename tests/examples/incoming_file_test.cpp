#include "media/incoming_file.h"
#include "gate_test.h"
#include "process/schema.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <string>

/// What becomes of uploads whose server is killed.
namespace {

using namespace homeserver_test;
using homeserver::IncomingFile;
using homeserver::MediaSettings;
namespace fs = std::filesystem;

std::size_t files_below(const fs::path& folder) {
    std::size_t count = 0;
    if (!fs::exists(folder)) return count;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) ++count;
    }
    return count;
}

void insert_stored_media(modapi::Transaction& transaction, void* media_id) {
    transaction.execute(
        "INSERT INTO media (media_id, content_type, file_name, uploader, length, creation_ts) VALUES (?, 'text/plain', '', "
        "'@alice:hs.test', 5, 0)",
        *static_cast<const std::string*>(media_id));
}

class IncomingFileTest : public testing::Test {
protected:
    IncomingFileTest() { homeserver::create_schema(*database); }

    [[nodiscard]] fs::path incoming() const { return media.store_path / "local_content" / "incoming"; }
    /// As a killed server leaves it.
    void leave(const fs::path& path) const {
        fs::create_directories(path.parent_path());
        std::ofstream(path) << "bytes";
        fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::minutes(1));
    }

    TemporaryFolder folder;
    MediaSettings media{folder.path() / "media_store"};
    std::unique_ptr<modapi::Database> database = modapi::Database::open(database_in(folder.path()));
    const std::string first = "AAAAAAAAAAAAAAAAAAAAAAAA";
    const std::string second = "BBBBBBBBBBBBBBBBBBBBBBBB";
};

TEST_F(IncomingFileTest, EndsWithItsObjectUnlessItIsKept) {
    {
        IncomingFile kept(media, first);
        kept.write("ke");
        kept.write("pt");
        const IncomingFile refused(media, second);
        EXPECT_EQ(files_below(incoming()), 2U);
        kept.keep();
    }
    EXPECT_EQ(files_below(incoming()), 0U);
    EXPECT_EQ(files_below(media.store_path), 1U);
    EXPECT_EQ(fs::file_size(homeserver::path_of_media(media, first)), 4U);
}

TEST_F(IncomingFileTest, IsRemovedAtTheNextStartUnlessTheDatabaseHasIt) {
    leave(incoming() / first);
    leave(incoming() / second);
    std::string stored = second;
    database->run_blocking("insert", &insert_stored_media, &stored);
    homeserver::end_incoming_files(*database, media);
    EXPECT_EQ(files_below(incoming()), 0U);
    EXPECT_FALSE(fs::exists(homeserver::path_of_media(media, first)));
    EXPECT_TRUE(fs::exists(homeserver::path_of_media(media, second))) << "it was killed between the two";
}

TEST_F(IncomingFileTest, AreTheOnlyOnesThatAStartRemoves) {
    leave(homeserver::path_of_media(media, first));
    leave(incoming() / "notes of the operator.txt");
    leave(folder.path() / "elsewhere" / second);
    fs::create_symlink(folder.path() / "elsewhere" / second, incoming() / second);
    const std::string younger = "CCCCCCCCCCCCCCCCCCCCCCCC";
    leave(incoming() / younger);
    fs::last_write_time(incoming() / younger, fs::file_time_type::clock::now() + std::chrono::minutes(1));
    homeserver::end_incoming_files(*database, media);
    EXPECT_EQ(files_below(media.store_path), 4U);
    EXPECT_EQ(files_below(folder.path() / "elsewhere"), 1U);
}

TEST_F(IncomingFileTest, IsLeftToTheServerThatIsAboutToStoreIt) {
    IncomingFile uploading(media, first);
    fs::last_write_time(uploading.path(), fs::file_time_type::clock::now() - std::chrono::minutes(1));
    homeserver::end_incoming_files(*database, media);
    uploading.keep();
    EXPECT_TRUE(fs::exists(homeserver::path_of_media(media, first)));
}

TEST_F(IncomingFileTest, OfAnAnnouncedIdIsBegunOnceAtATime) {
    {
        const std::unique_ptr<IncomingFile> one = IncomingFile::of_announced(media, first);
        ASSERT_NE(one, nullptr);
        one->write("a part");
        EXPECT_EQ(IncomingFile::of_announced(media, first), nullptr);
        EXPECT_NE(IncomingFile::of_announced(media, second), nullptr);
    }
    leave(incoming() / first);
    const std::unique_ptr<IncomingFile> next = IncomingFile::of_announced(media, first);
    ASSERT_NE(next, nullptr) << "nobody has what a killed server left";
    next->write("all");
    next->keep();
    EXPECT_EQ(fs::file_size(homeserver::path_of_media(media, first)), 3U);
}

class KilledUploadTest : public GateServer {
protected:
    KilledUploadTest() : GateServer(1) {}
};

TEST_F(KilledUploadTest, LeavesNoFileBehindWhenTheServerIsUpAgain) {
    const fs::path store = folder.path() / "media_store";
    set_gate(R"({"hold":"check_media_file_for_spam"})");
    RawConnection connection(server.port());
    connection.send("POST /_matrix/media/v3/upload HTTP/1.1\r\nAuthorization: Bearer " + alice +
                    "\r\nContent-Length: 5\r\n\r\nbytes");
    for (const Patience patience; patience.is_left() && files_below(store) == 0;) continue;
    EXPECT_EQ(files_below(store), 1U);
    server.kill();
    EXPECT_EQ(files_below(store), 1U);
    const ServerProcess again(folder.path(), "");
    EXPECT_EQ(files_below(store), 0U) << again.log();
    EXPECT_EQ(again.request("POST", "/_matrix/media/v3/upload", "bytes", alice).status, 200);
    EXPECT_EQ(files_below(store), 1U);
}

}  // namespace
