// How the body of an upload comes: in parts, up to max_upload_size, and not at all where it is refused.
#include "media_test.h"

#include <csignal>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

namespace {

using namespace homeserver_test;

constexpr std::size_t mebibyte = 1024 * 1024;

class UploadBodyTest : public MediaServerTest {
protected:
    UploadBodyTest() : MediaServerTest("max_upload_size: 12M\n") {}

    /// What is answered to those bytes, up to `mark`.
    [[nodiscard]] std::string answer_to(const std::string& bytes, const std::string& mark) const {
        RawConnection connection(server.port());
        connection.send(bytes);
        return connection.read_until(mark);
    }
    /// A file as it is downloaded.
    [[nodiscard]] std::string download(const std::string& uri) const {
        RawConnection connection(server.port());
        connection.send("GET /_matrix/media/v3/download/" + uri.substr(6) +
                        " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        const std::string answer = connection.read_to_end();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer.substr(0, 200);
        return answer.substr(answer.find("\r\n\r\n") + 4);
    }
};

std::string bytes_of(std::size_t size) {
    std::string bytes(size, 'x');
    for (std::size_t at = 0; at < size; at += 4096) bytes[at] = static_cast<char>('a' + at / 4096 % 26);
    return bytes;
}

std::string in_chunks(const std::string& bytes, std::size_t size) {
    std::ostringstream text;
    for (std::size_t at = 0; at < bytes.size(); at += size) {
        const std::string_view chunk = std::string_view(bytes).substr(at, size);
        text << std::hex << chunk.size() << "\r\n" << chunk << "\r\n";
    }
    text << "0\r\n\r\n";
    return text.str();
}

TEST_F(UploadBodyTest, MayBeLargerThanAnyOtherBody) {
    const std::string bytes = bytes_of(11 * mebibyte + 5);
    const Answer answer = upload(bytes, alice);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(download(answer.text("content_uri")) == bytes);
    EXPECT_EQ(server.request("POST", "/_matrix/client/v3/login", bytes, alice).status, 413);
}

TEST_F(UploadBodyTest, HasAtMostTheConfiguredSize) {
    EXPECT_EQ(upload(bytes_of(12 * mebibyte), alice).status, 200);
    expect_error(upload(bytes_of(12 * mebibyte + 1), alice), 413, "M_TOO_LARGE", "Upload request body is too large");
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(server.request("GET", "/_matrix/media/v3/config", "", alice).body.at("m.upload.size"), 12 * mebibyte);
}

TEST_F(UploadBodyTest, IsRefusedBeforeItIsSent) {
    for (const std::string length : {"12582913", "18446744073709551615"}) {
        const std::string answer = answer_to(upload_header(alice, "Expect: 100-continue\r\nContent-Length: " + length),
                                             "Upload request body is too large");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    }
    const std::string unknown = answer_to(upload_header("nobody", "Content-Length: 12582912"), "M_UNKNOWN_TOKEN");
    EXPECT_TRUE(unknown.starts_with("HTTP/1.1 401 ")) << unknown;
    EXPECT_EQ(files(), 0U);
}

TEST_F(UploadBodyTest, InChunksIsRefusedAsSoonAsItIsTooLarge) {
    const std::string too_much = in_chunks(bytes_of(12 * mebibyte + 300 * 1024), 1000);
    RawConnection connection(server.port());
    connection.send(upload_header(alice, "Transfer-Encoding: chunked") + too_much.substr(0, too_much.size() - 5));
    const std::string answer = connection.read_until("Upload request body is too large");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    expect_files_in_the_end(0);
}

TEST_F(UploadBodyTest, InChunksIsStoredAsOneWithALength) {
    for (const std::size_t chunk : {std::size_t(3), std::size_t(700'000)}) {
        const std::string bytes = bytes_of(chunk == 3 ? 100'000 : 11 * mebibyte);
        const std::string answer =
            answer_to(upload_header(alice, "Transfer-Encoding: chunked") + in_chunks(bytes, chunk), "\"}");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
        const std::size_t begin = answer.find("mxc://");
        ASSERT_NE(begin, std::string::npos) << answer;
        EXPECT_TRUE(download(answer.substr(begin, answer.find('"', begin) - begin)) == bytes);
    }
    const std::string malformed =
        answer_to(upload_header(alice, "Transfer-Encoding: chunked") + "3\r\nabc\r\nnone\r\n", "Malformed HTTP request");
    EXPECT_TRUE(malformed.starts_with("HTTP/1.1 400 ")) << malformed;
    EXPECT_EQ(files(), 2U);
}

TEST_F(UploadBodyTest, ThatStaysBehindItsLengthLeavesNothing) {
    for (const std::string how : {"Content-Length: 600000", "Transfer-Encoding: chunked"}) {
        RawConnection connection(server.port());
        const bool is_chunked = how.starts_with("Transfer");
        connection.send(upload_header(alice, how) + (is_chunked ? "80000\r\n" : "") + bytes_of(300'000));
        expect_files_in_the_end(1);
        connection.close();
        expect_files_in_the_end(0);
    }
    EXPECT_TRUE(server.log_shows("path=/_matrix/media/v3/upload status=499"));
}

TEST_F(UploadBodyTest, ThatIsLongerThanItsLengthIsCutThereAndTheRestIsNoUpload) {
    const std::string answer = answer_to(upload_header(alice, "Content-Length: 5") + "bytes of more\r\n\r\n", "Malformed");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("HTTP/1.1 400 "), std::string::npos) << answer;
    EXPECT_EQ(files(), 1U);
}

TEST_F(UploadBodyTest, WithoutAnythingIsAnEmptyFile) {
    const std::string answer = answer_to(upload_header(alice, "Content-Length: 0") + upload_header(alice, "X: y") +
                                             upload_header(alice, "Transfer-Encoding: chunked") + "0\r\n\r\n" +
                                             "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
                                         "M_UNRECOGNIZED");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_EQ(files(), 3U);
}

TEST_F(UploadBodyTest, IsAskedForWhenItsClientWaitsForThat) {
    RawConnection connection(server.port());
    connection.send(upload_header(alice, "Expect: 100-continue\r\nContent-Length: 5"));
    EXPECT_TRUE(connection.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 Continue"));
    connection.send("bytes");
    EXPECT_NE(connection.read_until("content_uri").find("HTTP/1.1 200 "), std::string::npos);
}

TEST_F(UploadBodyTest, ThatHasComeKeepsItsConnectionAlsoIfItIsRefused) {
    const std::string next = "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string taken = answer_to(upload_header(alice, "Content-Length: 5") + "bytes" + next, "M_UNRECOGNIZED");
    EXPECT_TRUE(taken.starts_with("HTTP/1.1 200 ")) << taken;
    const std::string refused = answer_to(upload_header("nobody", "Content-Length: 5") + "bytes" + next, "M_UNRECOGNIZED");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
}

TEST_F(UploadBodyTest, OfAClientThatSendsNothingAnyMoreIsStored) {
    RawConnection connection(server.port());
    connection.send(upload_header(alice, "Content-Length: 600000") + bytes_of(600'000));
    connection.finish_sending();
    EXPECT_TRUE(connection.read_to_end().starts_with("HTTP/1.1 200 "));
}

TEST_F(UploadBodyTest, ThatIsComingWhenTheServerStopsLeavesNothing) {
    RawConnection connection(server.port());
    connection.send(upload_header(alice, "Content-Length: 600000") + bytes_of(300'000));
    expect_files_in_the_end(1);
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    EXPECT_EQ(files(), 0U);
}

TEST_F(UploadBodyTest, IsDownloadedAsItWasWhateverItIsCalled) {
    const std::string no_json = "{\"a\":\"\xFF\"}";
    const std::string answer =
        answer_to(upload_header(alice, "Content-Type: application/json\r\nContent-Length: 9") + no_json, "\"}");
    const std::size_t begin = answer.find("mxc://");
    ASSERT_NE(begin, std::string::npos) << answer;
    const std::string uri = answer.substr(begin, answer.find('"', begin) - begin);
    EXPECT_EQ(download(uri), no_json);
    const Answer head = server.request("HEAD", "/_matrix/media/v3/download/" + uri.substr(6));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("Content-Length"), "9");
    const std::string two = answer_to("GET /_matrix/media/v3/download/" + uri.substr(6) + " HTTP/1.1\r\nHost: x\r\n\r\n" +
                                          "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
                                      "M_UNRECOGNIZED");
    EXPECT_NE(two.find(no_json + "HTTP/1.1 404 "), std::string::npos) << two;
}

TEST_F(UploadBodyTest, CostsNoMemoryWhileItComesNorADownloadWhileItGoes) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "AddressSanitizer keeps what was freed for a while";
#endif
    const Answer stored = upload(bytes_of(11 * mebibyte), alice);
    const std::string target = "/_matrix/media/v3/download/" + stored.text("content_uri").substr(6);
    const long before = resident();
    constexpr long connections = 20;
    std::vector<std::unique_ptr<RawConnection>> open;
    for (long count = 0; count < connections; ++count) {
        open.push_back(std::make_unique<RawConnection>(server.port()));
        open.back()->send(upload_header(alice, "Content-Length: 12000000") + bytes_of(8 * mebibyte));
        open.push_back(std::make_unique<RawConnection>(server.port()));
        open.back()->send("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(open.back()->read_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    }
    expect_files_in_the_end(1 + static_cast<std::size_t>(connections));
    constexpr long limit = 2 * 1024;
    EXPECT_LT(resident() - before, connections * limit) << "kB";
}

}  // namespace
