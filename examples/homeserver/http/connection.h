#pragma once

#include "http/request_framing.h"
#include "http/request_handling.h"

#include <async/scope.h>
#include <async/task.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace homeserver {

class HttpConnections;

/// One client's connection: reads a request, answers it, and so on, one at a time, in the order they came.
///
/// Bounded: 64 KiB of header, 10 MiB of body, 16 KiB of what a chunk's header or the trailers hold, 4 KiB of all chunk
/// extensions of a body, 30 s for a request to arrive, 90 s of silence between requests. Trailers are read and forgotten.
class HttpConnection {
public:
    HttpConnection(HttpConnections& owner, boost::asio::ip::tcp::socket socket);
    ~HttpConnection();
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    /// Serves until the connection ends; owns it meanwhile.
    static async::task<void> serve(std::unique_ptr<HttpConnection> connection);
    /// Ends after the request that is being answered; at once if there is none.
    void finish();
    /// Ends at once.
    void close();

private:
    enum class Received { request, refused, nothing };

    async::task<Received> receive();
    /// Reads the rest of a request whose header is there; false: there was an error, which refused_because_ is then.
    async::task<bool> receive_body();
    async::task<bool> send_continue();
    /// Answers the received request; false: the connection ends.
    async::task<bool> answer();
    async::task<std::optional<modapi::Response>> handle(const modapi::Request& request, std::string_view raw_path,
                                                        RequestSummary& summary);
    /// Writes a response; false: the client is gone.
    async::task<bool> send(modapi::Response response, bool is_head, bool keep_alive);
    /// Answers what can't be taken, and takes in what the client still sends, so that it gets to see the answer.
    async::task<void> refuse();
    [[nodiscard]] modapi::Response refusal() const;
    [[nodiscard]] modapi::Request converted(const boost::beast::http::request_header<>& received) const;
    [[nodiscard]] bool is_last() const noexcept;

    HttpConnections& owner_;
    boost::beast::tcp_stream stream_;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    ChunkExtensionLimit chunk_extensions_;
    modapi::Request request_;  ///< what was received of it
    bool client_keeps_alive_ = false;
    boost::system::error_code refused_because_;
    std::optional<modapi::Response> refusal_;  ///< none: by refused_because_
    std::string client_address_;
    bool is_idle_ = true;
};

/// The connections of one worker. Thread: that worker's.
class HttpConnections {
public:
    /// All outlive it; `join` was awaited before it is destroyed.
    HttpConnections(const async::environment& where, const BoundEndpoints& endpoints, modapi::ModuleHost& modules);
    HttpConnections(const HttpConnections&) = delete;
    HttpConnections& operator=(const HttpConnections&) = delete;

    void add(boost::asio::ip::tcp::socket socket);
    /// Idle connections end now, the others when their request is answered; new ones aren't taken.
    void finish();
    /// Requests that still run are cut.
    void cancel();
    [[nodiscard]] async::task<void> join() { return scope_.join(); }

private:
    friend class HttpConnection;

    const BoundEndpoints& endpoints_;
    modapi::ModuleHost& modules_;
    std::set<HttpConnection*> open_;
    bool finishing_ = false;
    async::scope scope_;
};

}  // namespace homeserver
