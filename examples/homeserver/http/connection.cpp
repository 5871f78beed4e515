#include "http/connection.h"

#include "http/target.h"
#include "text/utf8.h"

#include <modapi/hosting/peer_watch.h>
#include <modapi/request_target.h>

#include <async/use_task.h>

#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <chrono>
#include <tuple>

namespace homeserver {

namespace {

namespace http = boost::beast::http;
using boost::asio::as_tuple;
using callbacks::Codes;

/// What a read or a write comes to: an error is a value here.
using Transferred = std::tuple<boost::system::error_code, std::size_t>;

constexpr std::uint32_t max_header = 64 * 1024;
constexpr std::uint64_t max_body = 10 * 1024 * 1024;
constexpr std::size_t read_size = 8 * 1024;
/// A buffer never holds more: that of a connection that waits, or sends a header or a body of known length; and that of chunks,
/// whose headers and trailers have no other limit.
constexpr std::size_t max_buffer = max_header + 2 * read_size;
constexpr std::size_t max_buffer_of_chunks = 2 * read_size;
constexpr auto max_silence = std::chrono::seconds(90);
constexpr auto max_request = std::chrono::seconds(30);
constexpr auto max_response = std::chrono::seconds(120);
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
    spdlog::info("request method={} path={} status={} ms={:.1f} user={} module={} client={}", request.method,
                 printable(raw_path), status, milliseconds, summary.user.empty() ? "-" : summary.user,
                 summary.module.empty() ? "-" : summary.module, request.client_address);
}

}  // namespace

HttpConnection::HttpConnection(HttpConnections& owner, boost::asio::ip::tcp::socket socket)
    : owner_(owner), stream_(std::move(socket)) {
    boost::system::error_code error;
    const auto peer = stream_.socket().remote_endpoint(error);
    if (!error) client_address_ = peer.address().to_string();
    stream_.socket().set_option(boost::asio::ip::tcp::no_delay(true), error);  // else small responses wait for acknowledgements
    owner_.open_.insert(this);
}

HttpConnection::~HttpConnection() { owner_.open_.erase(this); }

void HttpConnection::close() { stream_.close(); }

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
    if (is_last()) co_return Received::nothing;
    if (buffer_.size() == 0) {
        is_idle_ = true;
        stream_.expires_after(max_silence);
        const Transferred first = co_await stream_.async_read_some(buffer_.prepare(read_size), as_tuple(async::use_task));
        is_idle_ = false;
        if (std::get<0>(first)) co_return Received::nothing;
        buffer_.commit(std::get<1>(first));
    }
    buffer_.max_size(max_buffer);
    refusal_.reset();
    parser_.emplace();
    parser_->header_limit(max_header);
    parser_->body_limit(max_body);
    chunk_extensions_ = ChunkExtensionLimit();
    parser_->on_chunk_header(chunk_extensions_);
    stream_.expires_after(max_request);
    const Transferred header = co_await http::async_read_header(stream_, buffer_, *parser_, as_tuple(async::use_task));
    refused_because_ = std::get<0>(header);
    if (!refused_because_) {
        // From here on, so that trailers never stand among the headers.
        request_ = converted(parser_->get());
        client_keeps_alive_ = parser_->get().keep_alive();
        refusal_ = framing_refusal(parser_->get());
        if (refusal_) co_return Received::refused;
        const bool is_whole = co_await receive_body();
        if (is_whole) co_return Received::request;
    }
    const bool is_malformed = refused_because_.category() == http::make_error_code(http::error::bad_method).category() &&
                              refused_because_ != http::error::end_of_stream &&
                              refused_because_ != http::error::partial_message;
    if (is_malformed) co_return Received::refused;
    co_return Received::nothing;
}

async::task<bool> HttpConnection::receive_body() {
    if (parser_->is_done()) co_return true;
    if (equal_ignoring_case(parser_->get()[http::field::expect], "100-continue")) {
        const bool sent = co_await send_continue();
        if (!sent) {
            refused_because_ = http::error::end_of_stream;
            co_return false;
        }
    }
    if (parser_->chunked()) buffer_.max_size(std::max(max_buffer_of_chunks, buffer_.size()));
    const Transferred body = co_await http::async_read(stream_, buffer_, *parser_, as_tuple(async::use_task));
    buffer_.max_size(max_buffer);
    refused_because_ = std::get<0>(body);
    co_return !refused_because_;
}

async::task<bool> HttpConnection::send_continue() {
    static constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
    const Transferred written =
        co_await boost::asio::async_write(stream_, boost::asio::buffer(interim), as_tuple(async::use_task));
    co_return !std::get<0>(written);
}

modapi::Request HttpConnection::converted(const http::request_header<>& received) const {
    modapi::Request request = modapi::Request::of(std::string(received.method_string()), std::string(received.target()));
    for (const auto& field : received) request.headers.emplace_back(field.name_string(), field.value());
    request.client_address = client_address_;
    return request;
}

async::task<bool> HttpConnection::answer() {
    modapi::Request request = std::move(request_);
    request.body = std::move(parser_->get().body());
    parser_.reset();
    const std::string_view raw_path = modapi::split_target(request.target).path;
    const auto began = std::chrono::steady_clock::now();
    RequestSummary summary;
    std::optional<modapi::Response> response;
    std::exception_ptr cut;
    try {
        response = co_await handle(request, raw_path, summary);
    } catch (...) {
        cut = std::current_exception();
    }
    const int status = response ? response->status : client_closed_request;
    log_request(request, raw_path, status, summary, std::chrono::steady_clock::now() - began);
    if (cut) std::rethrow_exception(cut);
    if (!response) co_return false;
    const bool keep_alive = client_keeps_alive_ && !is_last();
    modapi::Response sent = std::move(*response);
    const bool is_head = request.method == "HEAD";
    const bool arrived = co_await send(std::move(sent), is_head, keep_alive);
    co_return arrived&& keep_alive;
}

/// None: the client went away meanwhile.
async::task<std::optional<modapi::Response>> HttpConnection::handle(const modapi::Request& request, std::string_view raw_path,
                                                                    RequestSummary& summary) {
    const async::context& outer = co_await async::this_context;
    async::cancellation_source source(outer.cancellation);
    async::context inner = outer;
    inner.cancellation = &source;
    stream_.expires_never();
    const modapi::PeerWatch watch(stream_.socket(), buffer_, source);
    std::optional<modapi::Response> response;
    try {
        async::task<modapi::Response> handling = handle_request(owner_.endpoints_, owner_.modules_, request, raw_path, summary);
        response = co_await std::move(handling).in(inner);
    } catch (const async::operation_cancelled&) {
        if (outer.cancel_requested() != async::cancel_reason::none) throw;
    }
    co_return response;
}

async::task<bool> HttpConnection::send(modapi::Response response, bool is_head, bool keep_alive) {
    stream_.expires_after(max_response);
    // A module's texts are in it, whose bytes are its own affair; a client could read nothing of the whole response.
    if (is_json(response)) response.body = repaired_utf8(std::move(response.body));
    const bool has_body = response.status != 204 && response.status != 304;
    if (is_head || !has_body) {
        http::response<http::empty_body> message;
        fill_head(message, response, keep_alive);
        if (has_body) message.content_length(response.body.size());
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

modapi::Response HttpConnection::refusal() const {
    if (refused_because_ == http::error::body_limit)
        return matrix_error(413, "Request body is larger than 10 MiB", Codes::TOO_LARGE);
    if (refused_because_ == http::error::header_limit)
        return matrix_error(431, "Request header is too large", Codes::TOO_LARGE);
    return matrix_error(400, "Malformed HTTP request", Codes::UNKNOWN);
}

async::task<void> HttpConnection::refuse() {
    modapi::Response response = refusal_ ? *refusal_ : refusal();
    const std::string reason = refusal_ ? "the end of its body isn't certain" : refused_because_.message();
    spdlog::info("request refused: status={} reason=\"{}\" client={}", response.status, reason, client_address_);
    const bool sent = co_await send(std::move(response), false, false);
    if (!sent) co_return;
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

HttpConnections::HttpConnections(const async::environment& where, const BoundEndpoints& endpoints, modapi::ModuleHost& modules)
    : endpoints_(endpoints), modules_(modules), scope_(where, [](std::string_view, const std::exception_ptr& failure) {
          spdlog::error("a connection ended with an error: {}", callbacks::message_of(failure));
      }) {}

void HttpConnections::add(boost::asio::ip::tcp::socket socket) {
    if (finishing_) return;
    scope_.spawn("connection", HttpConnection::serve(std::make_unique<HttpConnection>(*this, std::move(socket))));
}

void HttpConnections::finish() {
    finishing_ = true;
    for (HttpConnection* const connection : open_) connection->finish();
}

void HttpConnections::cancel() { scope_.cancel(async::cancel_reason::stopping); }

}  // namespace homeserver
