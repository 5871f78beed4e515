// RFC 9112, sections 5 to 7, as a table: what the server makes of the bytes of a request, however they are cut.
#include "http/request_reader.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using homeserver::RequestReader;
using Progress = RequestReader::Progress;

constexpr std::string_view next_request = "GET /next HTTP/1.1\r\n\r\n";

/// What became of some bytes.
struct Reading {
    int status = 0;  ///< of a refusal; 0: the request was taken; -1: more is needed
    modapi::Request request;
    bool keeps_alive = false;
    std::string left;  ///< after the request
    std::size_t sent = 0;
};

/// Sends parts of `size` bytes until something is decided.
Reading read_in_parts(std::string_view bytes, std::size_t size) {
    RequestReader reader;
    boost::beast::flat_buffer received;
    Reading reading;
    for (;;) {
        Progress progress = reader.read(received);
        if (progress == Progress::header) progress = reader.read(received);
        if (progress == Progress::refused) {
            reading.status = reader.refusal().status();
            return reading;
        }
        if (progress == Progress::whole) {
            reading.request = reader.take();
            reading.keeps_alive = reader.keeps_alive();
            reading.left = std::string(static_cast<const char*>(received.data().data()), received.size()) +
                           std::string(bytes.substr(reading.sent));
            return reading;
        }
        const std::string_view part = bytes.substr(reading.sent, size);
        if (part.empty()) {
            reading.status = -1;
            return reading;
        }
        const auto room = received.prepare(part.size());
        std::copy(part.begin(), part.end(), static_cast<char*>(room.data()));
        received.commit(part.size());
        reading.sent += part.size();
    }
}

struct Row {
    std::string bytes;
    int status;  ///< 0: taken, with the body
    std::string body;
};

void expect_rows(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        const std::string bytes = row.bytes + std::string(next_request);
        for (const std::size_t size : {bytes.size(), std::size_t(1), std::size_t(2), std::size_t(3), std::size_t(7)}) {
            const Reading reading = read_in_parts(bytes, size);
            EXPECT_EQ(reading.status, row.status) << row.bytes << " in parts of " << size;
            if (row.status != 0 || reading.status != 0) continue;
            EXPECT_EQ(reading.request.body, row.body) << row.bytes << " in parts of " << size;
            EXPECT_EQ(reading.left, next_request) << row.bytes << " in parts of " << size;
        }
    }
}

std::string post(const std::string& headers_and_body) { return "POST /login HTTP/1.1\r\n" + headers_and_body; }
std::string chunked(const std::string& body) { return post("Transfer-Encoding: chunked\r\n\r\n" + body); }

TEST(RequestReaderTest, TheFirstLineIsMethodTargetAndVersion) {
    expect_rows({
        {"GET / HTTP/1.1\r\n\r\n", 0, ""},
        {"get / HTTP/1.1\r\n\r\n", 0, ""},
        {"M-SEARCH * HTTP/1.1\r\n\r\n", 0, ""},
        {"GET http://x/y HTTP/1.1\r\n\r\n", 0, ""},
        {"GET / HTTP/1.0\r\n\r\n", 0, ""},
        {"\r\nGET / HTTP/1.1\r\n\r\n", 0, ""},
        {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400, ""},
        {"\nGET / HTTP/1.1\r\n\r\n", 400, ""},
        {"GET  / HTTP/1.1\r\n\r\n", 400, ""},
        {"GET /  HTTP/1.1\r\n\r\n", 400, ""},
        {"GET\t/ HTTP/1.1\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1 \r\n\r\n", 400, ""},
        {" GET / HTTP/1.1\r\n\r\n", 400, ""},
        {"GET /a b HTTP/1.1\r\n\r\n", 400, ""},
        {"GET /a\x0b HTTP/1.1\r\n\r\n", 400, ""},
        {"GET /a\rb HTTP/1.1\r\n\r\n", 400, ""},
        {std::string("GET /a\0 HTTP/1.1\r\n\r\n", 20), 400, ""},
        {"G@T / HTTP/1.1\r\n\r\n", 400, ""},
        {"GET / http/1.1\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1x\r\n\r\n", 400, ""},
        {"GET / HTTP/01.1\r\n\r\n", 400, ""},
        {"GET / HTTP/2.0\r\n\r\n", 400, ""},
        {"GET / HTTP/0.9\r\n\r\n", 400, ""},
        {"GET /\r\n\r\n", 400, ""},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""},
        {"SSH-2.0-OpenSSH\r\n", 400, ""},
        {"\x16\x03\x01\x02\n", 400, ""},
    });
}

TEST(RequestReaderTest, AFieldIsOneLineThatEndsByCrlf) {
    expect_rows({
        {"GET / HTTP/1.1\r\nX: \t a b \t\r\nY:\r\n\r\n", 0, ""},
        {"GET / HTTP/1.1\nX: a\n\n", 400, ""},
        {"GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX: a\r\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\n X: a\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX : a\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX\t: a\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\n: a\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX(: a\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nX\xe4: a\r\n\r\n", 400, ""},
        {std::string("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26), 400, ""},
        {"GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n", 400, ""},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, ""},
        {post("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Content-Length: 1\r\n 0\r\n\r\n0123456789"), 400, ""},
        {post("Content-Length\r\n: 2\r\n\r\n{}"), 400, ""},
        {post("\x0b"
              "Content-Length: 2\r\n\r\n{}"),
         400, ""},
    });
}

TEST(RequestReaderTest, ABodyEndsWhereItsLengthSays) {
    expect_rows({
        {post("Content-Length: 2\r\n\r\n{}"), 0, "{}"},
        {post("content-length:2\r\n\r\n{}"), 0, "{}"},
        {post("Content-Length: 002\r\n\r\n{}"), 0, "{}"},
        {post("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 0, "{}"},
        {post("Content-Length: 2, 2\r\n\r\n{}"), 0, "{}"},
        {post("Content-Length: 0\r\n\r\n"), 0, ""},
        {"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 0, "{}"},
        {"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", 0, "{}"},
        {post("\r\n"), 0, ""},
        {post("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 2, 3\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 2,\r\n\r\n{}"), 400, ""},
        {post("Content-Length: ,2\r\n\r\n{}"), 400, ""},
        {post("Content-Length:\r\n\r\n{}"), 400, ""},
        {post("Content-Length: -2\r\n\r\n{}"), 400, ""},
        {post("Content-Length: +2\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 0x2\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 2 2\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 2;q=1\r\n\r\n{}"), 400, ""},
        {post("Content-Length: \"2\"\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 2.0\r\n\r\n{}"), 400, ""},
        {post("Content-Length: \xb2\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 18446744073709551618\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 18446744073709551615\r\n\r\n{}"), 413, ""},
        {post("Content-Length: 10485761\r\n\r\n{}"), 413, ""},
    });
}

TEST(RequestReaderTest, ATransferEncodingIsChunkedOnceAndNothingElse) {
    expect_rows({
        {chunked("2\r\n{}\r\n0\r\n\r\n"), 0, "{}"},
        {post("Transfer-Encoding: \t CHUNKED \t\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 0, "{}"},
        {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, ""},
        {post("Transfer-Encoding: gzip\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: identity\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}"), 400, ""},
        {post("Content-Length: 2\r\nTransfer-Encoding: identity\r\n\r\n{}"), 400, ""},
        {post("Transfer-Encoding: xchunked\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunkedx\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunked\x0b\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: \"chunked\"\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunked;q=1\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding:\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501, ""},
        {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"), 400, ""},
        {post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, ""},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n", 400, ""},
    });
}

TEST(RequestReaderTest, AChunkIsItsSizeItsExtensionsItsBytesAndNoMore) {
    expect_rows({
        {chunked("1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), 0, "{}"},
        {chunked("A\r\n0123456789\r\n00\r\n\r\n"), 0, "0123456789"},
        {chunked("a\r\n0123456789\r\n0\r\n\r\n"), 0, "0123456789"},
        {chunked("0000000000000000000002\r\n{}\r\n000000000000000000000\r\n\r\n"), 0, "{}"},
        {chunked("2;a\r\n{}\r\n0\r\n\r\n"), 0, "{}"},
        {chunked("2 ; a = b ;c=\"d;\\\"\"\r\n{}\r\n0;e\r\n\r\n"), 0, "{}"},
        {chunked("\r\n2\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked(" 2\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2 \r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("-2\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("+2\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("0x2\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2g\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2,2\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("fffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("ffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 413, ""},
        {chunked("a00001\r\n{}\r\n0\r\n\r\n"), 413, ""},
        {chunked("2\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2\r{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2\r\n{}\n0\r\n\r\n"), 400, ""},
        {chunked("2\r\n{}0\r\n\r\n"), 400, ""},
        {chunked("2\r\n{}xx0\r\n\r\n"), 400, ""},
        {chunked("2\r\n{}\r\n\r\n0\r\n\r\n"), 400, ""},
        {chunked("2;\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2;a=\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2;a b\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2;a\nb\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2;a=\"\n\"\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("2;a=\"\x01\"\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked("0;a=\"\n\"\r\n\r\n"), 400, ""},
        {chunked("100000;a=\"b\r\n" + std::string(100, 'x')), 400, ""},
        {chunked("1\r\nx\r\n100000;a=\"b\\\r\n" + std::string(100, 'x')), 400, ""},
        {chunked("zz\r\n{}\r\n0\r\n\r\n"), 400, ""},
        {chunked(";a\r\n{}\r\n0\r\n\r\n"), 400, ""},
    });
}

TEST(RequestReaderTest, TrailersAreReadAndForgotten) {
    expect_rows({
        {chunked("2\r\n{}\r\n0\r\nX-Trailer: 1\r\nAuthorization: Bearer x\r\n\r\n"), 0, "{}"},
        {chunked("0\r\nConnection: close\r\n\r\n"), 0, ""},
        {chunked("0\r\nContent-Length: 5\r\n\r\n"), 400, ""},
        {chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, ""},
        {chunked("0\r\nX\r\n\r\n"), 400, ""},
        {chunked("0\r\nX : a\r\n\r\n"), 400, ""},
        {chunked("0\r\nX: a\nY: b\r\n\r\n"), 400, ""},
    });
    const Reading reading =
        read_in_parts(chunked("0\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n") + std::string(next_request), 5);
    EXPECT_FALSE(reading.request.header("Authorization"));
    EXPECT_FALSE(reading.request.header("Connection"));
    EXPECT_TRUE(reading.keeps_alive);
}

/// What is sent again and again after a beginning, and how much of it is taken at most.
struct EndlessBytes {
    const char* name;
    std::string begins;
    std::string goes_on;
    int status;
    std::size_t max_sent;
};

TEST(RequestReaderTest, WhatNeverEndsIsRefusedAfterABoundedNumberOfBytes) {
    constexpr std::size_t header = RequestReader::max_header + 16 * 1024;
    constexpr std::size_t around = RequestReader::max_around_chunk + 16 * 1024;
    const std::vector<EndlessBytes> all = {
        {"a first line", "GET /", "x", 431, header},
        {"a field", "GET / HTTP/1.1\r\nX: ", "x", 431, header},
        {"a field's name", "GET / HTTP/1.1\r\n", "x", 431, header},
        {"fields", "GET / HTTP/1.1\r\n", "X: y\r\n", 431, header},
        {"a chunk's extension", chunked("1;"), "x", 400, around},
        {"chunks' extensions", chunked(""), "1;abcdefgh\r\nx\r\n", 400, around},
        {"a quoted extension", chunked("1;a=\""), "\r\n", 400, around},
        {"blanks before an extension", chunked("1"), " ", 400, around},
        {"a chunk's size", chunked(""), "0", 400, around},
        {"a trailer", chunked("0\r\nX: "), "x", 400, around},
        {"trailers", chunked("0\r\n"), "X: y\r\n", 400, around},
        {"chunks", chunked(""), "400\r\n" + std::string(1024, 'x') + "\r\n", 413, 11 * 1024 * 1024},
        {"small chunks with long sizes", chunked(""), std::string(100, '0') + "1\r\nx\r\n", 400, 21 * 1024 * 1024},
    };
    for (const EndlessBytes& endless : all) {
        // Every part by itself, as who wants to get past a limit of the buffer would send it.
        for (const std::size_t at_once : {std::size_t(1), 8192 / endless.goes_on.size() + 1}) {
            RequestReader reader;
            boost::beast::flat_buffer received;
            std::string part = endless.begins;
            std::size_t sent = 0;
            Progress progress = Progress::needs_more;
            std::string more;
            for (std::size_t count = 0; count < at_once; ++count) more += endless.goes_on;
            while (progress != Progress::refused && sent <= 2 * endless.max_sent) {
                const auto room = received.prepare(part.size());
                std::copy(part.begin(), part.end(), static_cast<char*>(room.data()));
                received.commit(part.size());
                sent += part.size();
                progress = reader.read(received);
                if (progress == Progress::header) progress = reader.read(received);
                part = more;
            }
            ASSERT_EQ(progress, Progress::refused) << endless.name;
            EXPECT_EQ(reader.refusal().status(), endless.status) << endless.name;
            EXPECT_LE(sent, endless.max_sent) << endless.name;
            EXPECT_LE(received.capacity(), 2 * endless.max_sent) << endless.name;
        }
    }
}

/// Makes room for `bytes` and puts them there.
void receive(boost::beast::flat_buffer& received, std::string_view bytes) {
    const auto room = received.prepare(bytes.size());
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(room.data()));
    received.commit(bytes.size());
}

TEST(RequestReaderTest, ABodyInPartsHasNoLimitAndIsGivenAsItComes) {
    for (const std::string framing : {"Content-Length: 50000005", "Transfer-Encoding: chunked"}) {
        RequestReader reader;
        boost::beast::flat_buffer received;
        receive(received, post(framing + "\r\n\r\n"));
        ASSERT_EQ(reader.read(received), Progress::header);
        reader.take_in_parts();
        const bool is_chunked = framing.starts_with("Transfer");
        EXPECT_EQ(reader.announced_size().has_value(), !is_chunked);
        EXPECT_EQ(reader.announced_size().value_or(50'000'005), 50'000'005U);
        EXPECT_EQ(reader.take().header("Host"), std::nullopt);
        const std::string part(500'000, 'x');
        std::size_t taken = 0;
        for (int count = 0; count < 100; ++count) {
            receive(received, is_chunked ? "7a120\r\n" + part + "\r\n" : part);
            ASSERT_EQ(reader.read(received), Progress::needs_more);
            EXPECT_EQ(reader.part_size(), part.size());
            taken += reader.take_part().size();
            EXPECT_EQ(reader.part_size(), 0U);
        }
        receive(received, is_chunked ? "5\r\nbytes\r\n0\r\n\r\n" : "bytes");
        EXPECT_EQ(reader.read(received), Progress::whole);
        EXPECT_EQ(reader.take_part(), "bytes");
        EXPECT_EQ(taken, 50'000'000U);
    }
}

TEST(RequestReaderTest, WhatSurroundsAHugeBodysChunksIsNotMoreThanWhatTheyHave) {
    RequestReader reader;
    boost::beast::flat_buffer received;
    receive(received, chunked(""));
    ASSERT_EQ(reader.read(received), Progress::header);
    reader.take_in_parts();
    std::string small_chunks;
    for (int count = 0; count < 1000; ++count) small_chunks += "1\r\nx\r\n";
    Progress progress = Progress::needs_more;
    std::size_t sent = 0;
    while (progress == Progress::needs_more && sent < 2 * RequestReader::max_body) {
        receive(received, small_chunks);
        sent += small_chunks.size();
        progress = reader.read(received);
        static_cast<void>(reader.take_part());
    }
    ASSERT_EQ(progress, Progress::refused);
    EXPECT_EQ(reader.refusal().status(), 400);
}

TEST(RequestReaderTest, ABodyThatIsTooLargeIsRefusedBeforeItComesAndIsNotAskedFor) {
    RequestReader reader;
    boost::beast::flat_buffer received;
    receive(received, post("Expect: 100-continue\r\nContent-Length: 10485761\r\n\r\n"));
    ASSERT_EQ(reader.read(received), Progress::header);
    EXPECT_FALSE(reader.waits_to_be_asked());
    ASSERT_EQ(reader.read(received), Progress::refused);
    EXPECT_EQ(reader.refusal().status(), 413);
}

TEST(RequestReaderTest, SaysOnceThatTheHeaderIsWholeAndWhetherTheClientWaits) {
    for (const std::string version : {"1.1", "1.0"}) {
        RequestReader reader;
        boost::beast::flat_buffer received;
        const std::string header = "POST / HTTP/" + version + "\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
        const auto room = received.prepare(header.size());
        std::copy(header.begin(), header.end(), static_cast<char*>(room.data()));
        received.commit(header.size());
        EXPECT_EQ(reader.read(received), Progress::header);
        EXPECT_EQ(reader.waits_to_be_asked(), version == "1.1");
        EXPECT_EQ(reader.keeps_alive(), version == "1.1");
        EXPECT_EQ(reader.read(received), Progress::needs_more);
    }
}

}  // namespace
