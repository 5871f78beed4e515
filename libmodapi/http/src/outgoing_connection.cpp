#include "outgoing_connection.h"

#include <async/cancellation.h>
#include <async/notification.h>
#include <async/use_task.h>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <memory>
#include <ostream>
#include <utility>

namespace modapi {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::uint32_t largest_header = 64 * 1024;

/// Closes the connection when the chain is cancelled. Not every composed operation passes a cancellation on to the operation it
/// waits for; a closed socket ends them all.
class CutOnCancel final {
public:
    CutOnCancel(tcp::socket& socket, const async::context& here) : socket_(socket) { here.add(registration_); }

private:
    void cut(async::cancel_reason) {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

    tcp::socket& socket_;
    async::cancellation_callback<CutOnCancel, &CutOnCancel::cut> registration_{*this};
};

/// A lookup that runs: lives until both its operation and its waiter are done with it.
struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor) {}

    tcp::resolver resolver;
    async::notification ended;
    bool has_ended = false;
    boost::system::error_code error;
    std::vector<tcp::endpoint> found;
};

/// A body that is kept in memory, or written on as it comes where there is an output.
struct ReceivedBody {
    struct value_type {
        std::string text;
        std::ostream* output = nullptr;
        std::uint64_t length = 0;
    };
    class reader {
    public:
        template <bool is_request, class Fields>
        reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
        void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) { error = {}; }
        template <class Buffers>
        std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
            error = {};
            std::size_t taken = 0;
            for (const asio::const_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
                const auto* const bytes = static_cast<const char*>(buffer.data());
                if (body_.output == nullptr) {
                    body_.text.append(bytes, buffer.size());
                } else if (!body_.output->write(bytes, static_cast<std::streamsize>(buffer.size()))) {
                    error = boost::system::errc::make_error_code(boost::system::errc::io_error);
                    return taken;
                }
                taken += buffer.size();
            }
            body_.length += taken;
            return taken;
        }
        void finish(boost::system::error_code& error) { error = {}; }

    private:
        value_type& body_;
    };
};

http::request<http::string_body> message_of(const HttpUrl& url, const HttpRequest& request) {
    http::request<http::string_body> message;
    message.version(11);
    message.method_string(request.method);
    message.target(url.target);
    for (const auto& [name, value] : request.headers) message.insert(name, value);
    message.set(http::field::host, url.host_header());
    message.body() = request.body;
    message.prepare_payload();
    return message;
}

/// Asio notes in an error where in its sources it happened, which an exception's message would say too.
boost::system::system_error failed_with(const boost::system::error_code& error, const std::string& host) {
    return boost::system::system_error(boost::system::error_code(error.value(), error.category()), host);
}

async::task<void> connect(tcp::socket& socket, const std::vector<tcp::endpoint>& endpoints) {
    const async::context& here = co_await async::this_context;
    boost::system::system_error failure(asio::error::host_not_found);
    for (const tcp::endpoint& endpoint : endpoints) {
        try {
            co_await socket.async_connect(endpoint, async::use_task);
            co_return;
        } catch (const boost::system::system_error& error) {
            here.throw_if_cancelled();
            failure = error;
            boost::system::error_code ignored;
            socket.close(ignored);
        }
    }
    throw boost::system::system_error(failure);
}

}  // namespace

std::ostream* output_for(const HttpRequest& request, int status, std::string_view content_type) {
    if (!request.file || !is_success(status)) return nullptr;
    if (request.file->is_allowed_content_type && !request.file->is_allowed_content_type(content_type)) {
        throw callbacks::SynapseError(
            502, "Requested file's content type not allowed for this operation: " + std::string(content_type));
    }
    return request.file->output;
}

void refuse_size(const HttpUrl& url, const HttpRequest& request) {
    const std::string limit = std::to_string(request.largest_answer.value_or(0)) + " bytes";
    if (request.file) {
        throw callbacks::SynapseError(502, "Requested file is too large > " + limit, callbacks::Codes::TOO_LARGE);
    }
    throw HttpFormatError("the answer of " + url.host + " is larger than " + limit);
}

async::task<std::vector<tcp::endpoint>> look_up(const HttpUrl& url) {
    const async::context& here = co_await async::this_context;
    if (url.is_address) {
        std::vector<tcp::endpoint> literal;
        literal.emplace_back(asio::ip::make_address(url.host), url.port);
        co_return literal;
    }
    const auto lookup = std::make_shared<Lookup>(here.executor());
    lookup->resolver.async_resolve(
        url.host, std::to_string(url.port), tcp::resolver::numeric_service,
        [lookup](const boost::system::error_code& error, const tcp::resolver::results_type& results) {
            lookup->error = error;
            for (const auto& result : results) lookup->found.push_back(result.endpoint());
            lookup->has_ended = true;
            lookup->ended.notify_all();
        });
    while (!lookup->has_ended) co_await lookup->ended.wait();
    if (lookup->error) throw failed_with(lookup->error, url.host);
    co_return std::move(lookup->found);
}

async::task<void> OutgoingConnection::open(const HttpUrl& url, const std::vector<tcp::endpoint>& endpoints,
                                           asio::ssl::context* tls) {
    const async::context& here = co_await async::this_context;
    const CutOnCancel cut(socket_, here);
    try {
        async::task<void> connecting = connect(socket_, endpoints);
        co_await std::move(connecting);
        if (!url.is_secure) co_return;
        secure_.emplace(socket_, *tls);
        secure_->set_verify_mode(asio::ssl::verify_peer);
        secure_->set_verify_callback(asio::ssl::host_name_verification(url.host));
        if (!url.is_address && SSL_set_tlsext_host_name(secure_->native_handle(), url.host.c_str()) != 1) {
            throw HttpFormatError("the host's name can't be sent: " + url.host);
        }
        co_await secure_->async_handshake(asio::ssl::stream_base::client, async::use_task);
    } catch (const boost::system::system_error& error) {
        here.throw_if_cancelled();
        throw failed_with(error.code(), url.host_header());
    }
}

async::task<HttpResponse> OutgoingConnection::exchange(const HttpUrl& url, const HttpRequest& request) {
    const async::context& here = co_await async::this_context;
    const CutOnCancel cut(socket_, here);
    may_go_on_ = false;
    has_answered_ = false;
    try {
        if (secure_) {
            async::task<HttpResponse> secure = converse(*secure_, url, request);
            co_return co_await std::move(secure);
        }
        async::task<HttpResponse> plain = converse(socket_, url, request);
        co_return co_await std::move(plain);
    } catch (const boost::system::system_error& error) {
        here.throw_if_cancelled();
        if (error.code() == http::error::body_limit) refuse_size(url, request);
        throw failed_with(error.code(), url.host_header());
    }
}

template <class Stream>
async::task<HttpResponse> OutgoingConnection::converse(Stream& stream, const HttpUrl& url, const HttpRequest& request) {
    http::request<http::string_body> message = message_of(url, request);
    co_await http::async_write(stream, message, async::use_task);
    http::response_parser<ReceivedBody> parser;
    parser.header_limit(largest_header);
    parser.body_limit(boost::none);
    if (request.largest_answer) parser.body_limit(*request.largest_answer);
    if (request.method == "HEAD") parser.skip(true);
    try {
        co_await http::async_read_header(stream, buffer_, parser, async::use_task);
    } catch (...) {
        has_answered_ = parser.got_some();
        throw;
    }
    has_answered_ = true;
    const http::response<ReceivedBody>& header = parser.get();
    HttpResponse answer;
    answer.status = static_cast<int>(header.result_int());
    answer.reason = std::string(header.reason());
    for (const auto& field : header) answer.headers.emplace_back(field.name_string(), field.value());
    parser.get().body().output = output_for(request, answer.status, header[http::field::content_type]);
    if (!parser.is_done()) co_await http::async_read(stream, buffer_, parser, async::use_task);
    answer.body = std::move(parser.get().body().text);
    answer.length = parser.get().body().length;
    // What follows the answer nobody asked for: the server doesn't count as the protocol does.
    may_go_on_ = parser.keep_alive() && buffer_.size() == 0;
    co_return answer;
}

bool OutgoingConnection::is_quiet() noexcept {
    boost::system::error_code error;
    socket_.non_blocking(true, error);
    if (error) return false;
    char byte = 0;
    static_cast<void>(socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error));
    return error == asio::error::would_block;
}

}  // namespace modapi
