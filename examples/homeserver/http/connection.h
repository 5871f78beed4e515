#pragma once

#include "http/request_handling.h"
#include "http/request_reader.h"
#include "http/request_statistics.h"

#include <async/scope.h>
#include <async/task.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace homeserver {

class HttpConnections;

/// How many connections there are, and what those wait for that are being answered: how many by each endpoint, by its pattern.
struct ConnectionCounts {
    std::size_t open = 0;
    std::map<std::string, std::size_t> answered_by;
};

/// One client's connection: reads a request, answers it, and so on, one at a time, in the order they came.
///
/// Bounded: what RequestReader bounds, 30 s for a request to arrive, 90 s of silence between requests. A request whose endpoint
/// takes the body in parts is answered from when its header is there; each part has 30 s then. An answer has 120 s, one in
/// parts 120 s for each. A client that has sent its request and closes its side of the connection gets its answer all the same;
/// what only waits ends then, and so does the page of a module.
class HttpConnection {
public:
    HttpConnection(HttpConnections& owner, boost::asio::ip::tcp::socket socket, bool x_forwarded);
    ~HttpConnection();
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    /// Serves until the connection ends; owns it meanwhile.
    static async::task<void> serve(std::unique_ptr<HttpConnection> connection);
    /// Ends after the request that is being answered; at once if there is none.
    void finish();
    /// Ends at once.
    void close();
    /// Thread: any.
    void count(ConnectionCounts& counts) const;

private:
    class Body;
    enum class Received { request, refused, nothing };
    /// How much there is of the request's body.
    enum class BodyProgress : unsigned char { incomplete, whole, refused };

    async::task<Received> receive();
    async::task<bool> send_continue();
    /// Answers the received request; false: the connection ends.
    async::task<bool> answer();
    async::task<std::optional<modapi::Response>> handle(const modapi::Request& request, std::string_view raw_path);
    /// The endpoint of the request whose header has been read.
    void find_endpoint();
    /// Takes what has come for a part of the body. Errors: those of IncomingBody::read, whose client is gone by `source`.
    async::task<std::string> read_part(async::cancellation_source& source);
    void read_body_on();
    /// What became of the request: a line in the log, and counted.
    void ended(const modapi::Request& request, std::string_view raw_path, int status, std::chrono::steady_clock::duration took);
    /// Writes a response, with outgoing_body_ in the place of its body if there is one; false: the client is gone.
    async::task<bool> send(modapi::Response response, bool is_head, bool keep_alive);
    async::task<bool> send_parts();
    /// Ends this side too, and waits for what becomes of the answer; false: the client was gone.
    async::task<bool> arrives();
    /// Returns when both directions have ended.
    async::task<void> hung_up();
    /// Answers what can't be taken.
    async::task<void> refuse();
    /// Takes in what the client still sends, so that it gets to see the answer.
    async::task<void> discard();
    [[nodiscard]] bool is_last() const noexcept;

    HttpConnections& owner_;
    boost::beast::tcp_stream stream_;
    boost::beast::flat_buffer buffer_;
    std::optional<RequestReader> reader_;
    std::optional<Router::Match> match_;  ///< none: its header isn't there
    bool is_in_parts_ = false;            ///< its endpoint reads its body
    BodyProgress body_ = BodyProgress::incomplete;
    bool was_asked_for_body_ = false;              ///< by its endpoint
    std::unique_ptr<OutgoingBody> outgoing_body_;  ///< null: the response has its body itself
    RequestSummary summary_;            ///< of the request that is being answered
    bool client_has_finished_ = false;  ///< it sends nothing any more
    std::string peer_address_;
    const bool x_forwarded_;  ///< the peer is a proxy, whose word on its client is believed
    bool is_idle_ = true;
    std::atomic<bool> is_answering_ = false;
};

/// The connections of one worker. Thread: that worker's.
class HttpConnections {
public:
    /// `modules`: whose web resources are served; null: nobody's. All outlive it; `join` was awaited before it is destroyed.
    HttpConnections(const async::environment& where, const BoundEndpoints& endpoints, modapi::ModuleHost* modules,
                    RequestStatistics& statistics);
    HttpConnections(const HttpConnections&) = delete;
    HttpConnections& operator=(const HttpConnections&) = delete;

    /// Throws nothing: a client that can't be served is logged, and its connection closed. `x_forwarded`: the requests' clients are
    /// those that X-Forwarded-For names (forwarded_address), where it names one.
    void add(boost::asio::ip::tcp::socket socket, bool x_forwarded = false) noexcept;
    /// Idle connections end now, the others when their request is answered; new ones aren't taken.
    void finish();
    /// Requests that still run are cut.
    void cancel();
    [[nodiscard]] async::task<void> join() { return scope_.join(); }
    /// Adds this worker's. Thread: any.
    void count(ConnectionCounts& counts) const;

private:
    friend class HttpConnection;

    const BoundEndpoints& endpoints_;
    modapi::ModuleHost* modules_;
    RequestStatistics& statistics_;
    mutable std::mutex open_mutex_;  // it is counted from other threads
    std::set<HttpConnection*> open_;
    bool finishing_ = false;
    async::scope scope_;
};

}  // namespace homeserver
