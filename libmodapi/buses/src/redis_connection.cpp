#include "redis_connection.h"

#include <modapi/hosting/bus_error.h>

#include "bus_line.h"

#include <async/use_task.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

namespace modapi {

namespace asio = boost::asio;

namespace {

/// No packet is as long, by far.
constexpr std::size_t longest_reply = 1 << 20;

/// What is over by itself after a while; all else that Redis refuses somebody must change.
bool is_passing(std::string_view reply) {
    constexpr std::array<std::string_view, 6> passing = {"LOADING ",     "BUSY ",     "MASTERDOWN ",
                                                         "CLUSTERDOWN ", "TRYAGAIN ", "ERR max number of clients"};
    return std::any_of(passing.begin(), passing.end(), [&](std::string_view begin) { return reply.starts_with(begin); });
}

/// A reply may repeat the command.
std::string without_password(std::string text, const std::string& password) {
    if (password.empty()) return text;
    for (std::size_t at = text.find(password); at != std::string::npos; at = text.find(password, at + 3)) {
        text.replace(at, password.size(), "***");
    }
    return text;
}

/// What a server says, for one line of a log.
std::string printable_reply(std::string text) {
    constexpr std::size_t longest = 200;
    if (text.size() > longest) text = text.substr(0, longest) + "...";
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
    return text;
}

}  // namespace

std::string redis_command(std::initializer_list<std::string_view> words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
        texts.push_back(word.data());
        sizes.push_back(word.size());
    }
    char* formatted = nullptr;
    const int size = redisFormatCommandArgv(&formatted, static_cast<int>(texts.size()), texts.data(), sizes.data());
    if (size < 0) throw std::bad_alloc();
    const std::unique_ptr<char, decltype(&redisFreeCommand)> owned(formatted, &redisFreeCommand);
    return std::string(formatted, static_cast<std::size_t>(size));
}

std::string_view text_of(const redisReply& reply) noexcept {
    return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}

RedisConnection::RedisConnection(const asio::any_io_executor& executor, const RedisSettings& settings)
    : settings_(settings), executor_(executor), socket_(executor) {}

void RedisConnection::close() noexcept {
    tls_.reset();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

async::task<void> RedisConnection::open() {
    close();
    reader_.reset(redisReaderCreate());
    if (reader_ == nullptr) throw std::bad_alloc();
    co_await connect();
    if (settings_.use_tls) co_await secure();
    if (settings_.password.empty()) co_return;
    std::string log_in = redis_command({"AUTH", settings_.password});
    co_await write(std::move(log_in));
    co_await read();
}

async::task<void> RedisConnection::connect() {
    if (settings_.host.starts_with('/')) {
        asio::local::stream_protocol::socket socket(executor_);
        const asio::local::stream_protocol::endpoint path(settings_.host);
        co_await socket.async_connect(path, async::use_task);
        socket_ = std::move(socket);
        co_return;
    }
    asio::ip::tcp::resolver resolver(executor_);
    const auto found = co_await resolver.async_resolve(settings_.host, std::to_string(settings_.port), async::use_task);
    asio::ip::tcp::socket socket(executor_);
    co_await asio::async_connect(socket, found, async::use_task);
    socket.set_option(asio::ip::tcp::no_delay(true));
    socket.set_option(asio::socket_base::keep_alive(true));
    socket_ = std::move(socket);
}

void RedisConnection::make_tls() {
    trust_.emplace(asio::ssl::context::tls_client);
    trust_->set_verify_mode(asio::ssl::verify_peer);
    boost::system::error_code error;
    if (settings_.ca_file.empty()) {
        trust_->set_default_verify_paths(error);
    } else {
        trust_->load_verify_file(settings_.ca_file, error);
    }
    if (error) throw BusError("can't read the certificates in " + settings_.ca_file + ": " + error.message());
    tls_.emplace(socket_, *trust_);
    SSL* const session = tls_->native_handle();
    SSL_set_min_proto_version(session, TLS1_2_VERSION);
    X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(session), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), settings_.host.c_str()) == 1) return;
    SSL_set1_host(session, settings_.host.c_str());
    SSL_set_tlsext_host_name(session, settings_.host.c_str());
}

async::task<void> RedisConnection::secure() {
    make_tls();
    try {
        co_await tls_->async_handshake(asio::ssl::stream_base::client, async::use_task);
    } catch (const boost::system::system_error& error) {
        const long verified = SSL_get_verify_result(tls_->native_handle());
        if (verified != X509_V_OK)
            throw BusError(std::string("its certificate isn't trusted: ") + X509_verify_cert_error_string(verified));
        if (error.code().category() != asio::error::get_ssl_category()) throw;
        throw BusError("it doesn't speak TLS with this process: " + error.code().message());
    }
}

async::task<void> RedisConnection::write(std::string commands) {
    if (tls_) {
        co_await asio::async_write(*tls_, asio::buffer(commands), async::use_task);
    } else {
        co_await asio::async_write(socket_, asio::buffer(commands), async::use_task);
    }
}

async::task<RedisReply> RedisConnection::read() {
    while (true) {
        void* found = nullptr;
        const int status = redisReaderGetReply(reader_.get(), &found);
        RedisReply reply(static_cast<redisReply*>(found));
        if (status != REDIS_OK) throw BusLost("it isn't Redis that answers: " + printable_reply(reader_->errstr));
        if (reply != nullptr) {
            if (reply->type == REDIS_REPLY_ERROR) refuse(text_of(*reply));
            co_return reply;
        }
        if (reader_->len > longest_reply) throw BusLost("it isn't Redis that answers: the reply has no end");
        std::size_t size = 0;
        if (tls_) {
            size = co_await tls_->async_read_some(asio::buffer(buffer_), async::use_task);
        } else {
            size = co_await socket_.async_read_some(asio::buffer(buffer_), async::use_task);
        }
        if (redisReaderFeed(reader_.get(), buffer_.data(), size) != REDIS_OK) throw std::bad_alloc();
    }
}

void RedisConnection::refuse(std::string_view reply) const {
    const std::string said = "it says " + printable_reply(without_password(std::string(reply), settings_.password));
    if (is_passing(reply)) throw BusLost(said);
    throw BusError(said);
}

}  // namespace modapi
