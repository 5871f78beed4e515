#include "http/connection.h"

#include "http/connection_body.h"
#include "http/connection_limits.h"
#include "http/forwarded_address.h"
#include "http/target.h"
#include "text/utf8.h"

#include <modapi/hosting/peer_watch.h>
#include <modapi/hosting/trace_of_request.h>
#include <modapi/request_target.h>

#include <async/sleep.h>
#include <async/use_task.h>

#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

namespace http = boost::beast::http;
using boost::asio::as_tuple;

/// A buffer never holds more: what is read ahead, or a header that isn't whole, and one more read.
constexpr std::size_t max_buffer = RequestReader::max_header + 2 * read_size;
constexpr auto max_silence = std::chrono::seconds(90);
constexpr auto max_arrival = std::chrono::seconds(1);
/// How much of a refused request is taken in, so that the client reads the answer instead of a reset connection.
constexpr std::size_t max_discarded = 64 * 1024 * 1024;
constexpr auto max_discarding = std::chrono::seconds(5);
constexpr int client_closed_request = 499;  // only in the log: nobody is there to read it

bool is_header_text(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](unsigned char byte) { return byte < 0x20 || byte == 0x7F; });
}
bool is_header_name(std::string_view name) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::all_of(name.begin(), name.end(), [&](char byte) {
        const bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        return is_letter || (byte >= '0' && byte <= '9') || marks.find(byte) != std::string_view::npos;
    });
}
/// Those that the connection itself decides on.
bool is_framing(std::string_view name) {
    return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Transfer-Encoding") ||
           equal_ignoring_case(name, "Connection");
}

bool is_json(const modapi::Response& response) {
    return std::any_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
        return equal_ignoring_case(header.first, "Content-Type") && header.second.starts_with("application/json");
    });
}

/// Status and headers. What a module's resource may not send is left out: it would be another response.
template <class Message>
void fill_head(Message& message, const modapi::Response& response, bool keep_alive) {
    const bool is_status = response.status >= 200 && response.status <= 599;
    if (!is_status) spdlog::error("a response has the impossible status {}: sent as 500", response.status);
    message.result(static_cast<unsigned>(is_status ? response.status : 500));
    message.version(11);
    message.set(http::field::server, "modapi-homeserver");
    for (const auto& [name, value] : response.headers) {
        if (is_framing(name)) continue;
        if (!is_header_name(name) || !is_header_text(value)) {
            spdlog::warn("a response's header is left out: it isn't one line of text: name={}", printable(name));
            continue;
        }
        message.insert(name, value);
    }
    message.keep_alive(keep_alive);
}

void log_request(const modapi::Request& request, std::string_view raw_path, int status, const RequestSummary& summary,
                 std::chrono::steady_clock::duration took) {
    const double milliseconds = std::chrono::duration<double, std::milli>(took).count();
    spdlog::info("request method={} path={} status={} ms={:.1f} user={} module={} client={}{}", request.method,
                 printable(raw_path), status, milliseconds, summary.user.empty() ? "-" : summary.user,
                 summary.module.empty() ? "-" : summary.module, request.client_address,
                 modapi::request_in_log(summary.trace.get()));
}

}  // namespace

HttpConnection::HttpConnection(HttpConnections& owner, boost::asio::ip::tcp::socket socket, bool x_forwarded)
    : owner_(owner), stream_(std::move(socket)), x_forwarded_(x_forwarded) {
    boost::system::error_code error;
    const auto peer = stream_.socket().remote_endpoint(error);
    if (!error) peer_address_ = peer.address().to_string();
    stream_.socket().set_option(boost::asio::ip::tcp::no_delay(true), error);  // else small responses wait for acknowledgements
    buffer_.max_size(max_buffer);
    owner_.statistics_.connected();
    const std::lock_guard lock(owner_.open_mutex_);
    owner_.open_.insert(this);
}

HttpConnection::~HttpConnection() {
    owner_.statistics_.disconnected();
    const std::lock_guard lock(owner_.open_mutex_);
    owner_.open_.erase(this);
}

void HttpConnection::close() { stream_.close(); }

void HttpConnection::count(ConnectionCounts& counts) const {
    ++counts.open;
    if (!is_answering_) return;
    const Router::Added* const endpoint = summary_.endpoint;
    ++counts.answered_by[endpoint != nullptr ? endpoint->pattern : "what modules serve"];
}

void HttpConnection::finish() {
    if (is_idle_) close();
}

bool HttpConnection::is_last() const noexcept { return owner_.finishing_; }

async::task<void> HttpConnection::serve(std::unique_ptr<HttpConnection> connection) {
    bool goes_on = true;
    while (goes_on) {
        const Received received = co_await connection->receive();
        goes_on = false;
        if (received == Received::request) goes_on = co_await connection->answer();
        if (received == Received::refused) co_await connection->refuse();
    }
    connection->stream_.close();
}

async::task<HttpConnection::Received> HttpConnection::receive() {
    using Progress = RequestReader::Progress;
    if (is_last()) co_return Received::nothing;
    reader_.emplace();
    match_.reset();
    was_asked_for_body_ = false;
    body_ = BodyProgress::incomplete;
    is_idle_ = buffer_.size() == 0;
    if (is_idle_) {
        stream_.expires_after(max_silence);
    } else {
        stream_.expires_after(max_request);
    }
    for (;;) {
        const Progress progress = reader_->read(buffer_);
        if (progress == Progress::whole) {
            body_ = BodyProgress::whole;
            co_return Received::request;
        }
        if (progress == Progress::refused) co_return Received::refused;
        if (progress == Progress::header) {
            find_endpoint();
            if (is_in_parts_) {
                reader_->take_in_parts();
                co_return Received::request;
            }
            if (!reader_->waits_to_be_asked() || buffer_.size() != 0) continue;
            const bool sent = co_await send_continue();
            if (!sent) co_return Received::nothing;
        }
        const Transferred more = co_await stream_.async_read_some(buffer_.prepare(read_size), as_tuple(async::use_task));
        const bool was_idle = std::exchange(is_idle_, false);
        if (std::get<0>(more)) co_return Received::nothing;
        buffer_.commit(std::get<1>(more));
        if (was_idle) stream_.expires_after(max_request);
    }
}

async::task<bool> HttpConnection::send_continue() {
    static constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
    const Transferred written =
        co_await boost::asio::async_write(stream_, boost::asio::buffer(interim), as_tuple(async::use_task));
    co_return !std::get<0>(written);
}

void HttpConnection::find_endpoint() {
    const Router& router = owner_.endpoints_.router();
    const modapi::Request& header = reader_->header();
    match_ = router.find(header.method, modapi::split_target(header.target).path);
    is_in_parts_ = match_->endpoint != nullptr && router.endpoints()[match_->index].body == RequestBody::in_parts;
}

async::task<bool> HttpConnection::answer() {
    if (!match_) find_endpoint();
    modapi::Request request = reader_->take();
    request.client_address = peer_address_;
    if (x_forwarded_) request.client_address = forwarded_address(request.headers).value_or(peer_address_);
    summary_.trace = modapi::trace_of_request(request);
    const bool client_keeps_alive = reader_->keeps_alive();
    if (!is_in_parts_) reader_.reset();
    const std::string_view raw_path = modapi::split_target(request.target).path;
    const auto began = std::chrono::steady_clock::now();
    std::optional<modapi::Response> response;
    std::exception_ptr cut;
    try {
        response = co_await handle(request, raw_path);
    } catch (...) {
        cut = std::current_exception();
    }
    const auto took = std::chrono::steady_clock::now() - began;
    if (is_in_parts_ && body_ == BodyProgress::incomplete) read_body_on();  // a refused one may have come whole
    reader_.reset();
    const bool is_whole = body_ == BodyProgress::whole;
    const int status = response ? response->status : client_closed_request;
    // Whether anybody is there shows when something is sent.
    const bool is_known_when_sent = response && client_has_finished_ && buffer_.size() == 0;
    if (!is_known_when_sent) ended(request, raw_path, status, took);
    if (cut) std::rethrow_exception(cut);
    if (!response) co_return false;
    const bool keep_alive = client_keeps_alive && !is_last() && !is_known_when_sent && is_whole;
    modapi::Response sent = std::move(*response);
    const bool is_head = request.method == "HEAD";
    bool arrived = co_await send(std::move(sent), is_head, keep_alive);
    outgoing_body_.reset();
    if (is_known_when_sent) {
        if (arrived) arrived = co_await arrives();
        ended(request, raw_path, arrived ? status : client_closed_request, took);
    } else if (arrived && !is_whole) {
        co_await discard();
    }
    co_return arrived&& keep_alive;
}

void HttpConnection::ended(const modapi::Request& request, std::string_view raw_path, int status,
                           std::chrono::steady_clock::duration took) {
    log_request(request, raw_path, status, summary_, took);
    const AnsweredBy by{summary_.endpoint, !summary_.module.empty()};
    owner_.statistics_.answered(by, request.method, status, took);
}

/// None: the client went away meanwhile.
async::task<std::optional<modapi::Response>> HttpConnection::handle(const modapi::Request& request, std::string_view raw_path) {
    const async::context& outer = co_await async::this_context;
    async::cancellation_source source(outer.cancellation);
    async::cancellation_source waits(&source);
    async::context inner = outer;
    inner.cancellation = &source;
    stream_.expires_never();
    summary_.user.clear();
    summary_.module.clear();
    summary_.endpoint = nullptr;
    is_answering_ = true;
    std::optional<modapi::PeerWatch> watch;
    watch.emplace(stream_.socket(), buffer_, source, waits);
    Body body(*this, source, waits, watch);
    ArrivedRequest arrived{request, raw_path, std::move(*match_)};
    if (is_in_parts_) arrived.body = &body;
    std::optional<modapi::Response> response;
    std::exception_ptr failure;
    try {
        async::task<modapi::Response> handling = handle_request(owner_.endpoints_, owner_.modules_, arrived, waits, summary_);
        response = co_await std::move(handling).in(inner);
    } catch (const async::operation_cancelled&) {
        if (outer.cancel_requested() != async::cancel_reason::none) failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    is_answering_ = false;
    outgoing_body_ = std::move(arrived.answered_with);
    client_has_finished_ = watch->peer_has_finished();
    if (failure) std::rethrow_exception(failure);
    co_return response;
}

async::task<bool> HttpConnection::send(modapi::Response response, bool is_head, bool keep_alive) {
    stream_.expires_after(max_response);
    // A module's texts are in it, whose bytes are its own affair; a client could read nothing of the whole response.
    std::optional<std::string_view> whole;
    if (outgoing_body_) whole = outgoing_body_->whole();
    if (is_json(response)) {
        if (whole && !callbacks::is_utf8(*whole)) {
            response.body = *whole;
            whole.reset();
            outgoing_body_.reset();
        }
        if (!whole) response.body = repaired_utf8(std::move(response.body));
    }
    const bool has_body = response.status != 204 && response.status != 304;
    if (is_head || !has_body || (outgoing_body_ && !whole)) {
        http::response<http::empty_body> message;
        fill_head(message, response, keep_alive);
        if (has_body) message.content_length(outgoing_body_ ? outgoing_body_->size() : response.body.size());
        const Transferred written = co_await http::async_write(stream_, message, as_tuple(async::use_task));
        if (std::get<0>(written)) co_return false;
        if (is_head || !has_body) co_return true;
        co_return co_await send_parts();
    }
    if (whole) {
        http::response<http::span_body<const char>> message;
        fill_head(message, response, keep_alive);
        message.body() = boost::beast::span<const char>(whole->data(), whole->size());
        message.prepare_payload();
        const Transferred written = co_await http::async_write(stream_, message, as_tuple(async::use_task));
        co_return !std::get<0>(written);
    }
    http::response<http::string_body> message;
    fill_head(message, response, keep_alive);
    message.body() = std::move(response.body);
    message.prepare_payload();
    const Transferred written = co_await http::async_write(stream_, message, as_tuple(async::use_task));
    co_return !std::get<0>(written);
}

async::task<bool> HttpConnection::arrives() {
    boost::system::error_code error;
    stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, error);
    if (error) co_return false;
    // They do when the client has taken the last byte, or has refused it.
    try {
        async::task<void> limited = async::with_deadline(max_arrival, hung_up());
        co_await std::move(limited);
    } catch (const async::deadline_exceeded&) {
        co_return true;  // who doesn't answer so long is far away, most likely
    }
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(stream_.socket().native_handle(), SOL_SOCKET, SO_ERROR, &failure, &size);
    co_return failure == 0;
}

async::task<void> HttpConnection::hung_up() {
    co_await stream_.socket().async_wait(boost::asio::ip::tcp::socket::wait_error, as_tuple(async::use_task));
}

async::task<void> HttpConnection::refuse() {
    modapi::Response response = modapi::json_response(reader_->refusal().status(), reader_->refusal().body());
    owner_.statistics_.refused(response.status);
    spdlog::info("request refused: status={} reason=\"{}\" client={}", response.status, reader_->reason(), peer_address_);
    reader_.reset();
    const bool sent = co_await send(std::move(response), false, false);
    if (sent) co_await discard();
}

async::task<void> HttpConnection::discard() {
    boost::system::error_code error;
    stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, error);
    buffer_.clear();
    stream_.expires_after(max_discarding);
    std::size_t discarded = 0;
    while (!error && discarded < max_discarded) {
        const Transferred read = co_await stream_.async_read_some(buffer_.prepare(read_size), as_tuple(async::use_task));
        error = std::get<0>(read);
        discarded += std::get<1>(read);
    }
}

HttpConnections::HttpConnections(const async::environment& where, const BoundEndpoints& endpoints, modapi::ModuleHost* modules,
                                 RequestStatistics& statistics)
    : endpoints_(endpoints),
      modules_(modules),
      statistics_(statistics),
      scope_(where, [](std::string_view, const std::exception_ptr& failure) {
          spdlog::error("a connection ended with an error: {}", callbacks::message_of(failure));
      }) {}

void HttpConnections::add(boost::asio::ip::tcp::socket socket, bool x_forwarded) noexcept {
    if (finishing_) return;
    try {
        scope_.spawn("connection", HttpConnection::serve(std::make_unique<HttpConnection>(*this, std::move(socket), x_forwarded)));
    } catch (const std::exception& error) {
        spdlog::error("a client can't be served: {}", error.what());
    }
}

void HttpConnections::count(ConnectionCounts& counts) const {
    const std::lock_guard lock(open_mutex_);
    for (const HttpConnection* const connection : open_) connection->count(counts);
}

void HttpConnections::finish() {
    finishing_ = true;
    for (HttpConnection* const connection : open_) connection->finish();
}

void HttpConnections::cancel() { scope_.cancel(async::cancel_reason::stopping); }

}  // namespace homeserver
