#include "http_exchange.h"

#include "curl_error.h"
#include "name_lookup.h"

#include <boost/asio/error.hpp>

#include <sys/socket.h>
#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <ostream>
#include <utility>

namespace modapi {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t max_header_size = 64 * 1024;
constexpr long max_rest_seconds = 30;
/// As good as none, for libcurl's own time-out: a request's time is limited around it.
constexpr long max_connect_seconds = 24L * 60 * 60;

bool is_within_header(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// What a socket address of libcurl's says; an unspecified address if it isn't one of the internet.
asio::ip::address address_of(const curl_sockaddr& from) {
    tcp::endpoint endpoint;
    if ((from.family != AF_INET && from.family != AF_INET6) || from.addrlen > endpoint.capacity()) return {};
    std::memcpy(endpoint.data(), &from.addr, from.addrlen);
    return endpoint.address();
}

}  // namespace

HttpExchange::HttpExchange(const HttpUrl& url, const HttpRequest& request, const HttpRoute& route)
    : url_(url), request_(request), route_(route), easy_(make_curl_easy()) {
    set_limits_of_libcurl();
    set_request();
    set_headers();
    set_proxy();
}

template <class Value>
void HttpExchange::set(CURLoption option, Value value) {
    const CURLcode outcome = curl_easy_setopt(easy_.get(), option, value);
    if (outcome != CURLE_OK) throw boost::system::system_error(curl_error(outcome), url_.host_header());
}

/// What libcurl would do by itself, and what it has to ask.
void HttpExchange::set_limits_of_libcurl() {
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, max_connect_seconds);
    set(CURLOPT_MAXAGE_CONN, max_rest_seconds);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // Whom to trust is said by on_tls: libcurl would read the whole of its file for every connection.
    set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
    set(CURLOPT_SSL_CTX_FUNCTION, &HttpExchange::on_tls);
    set(CURLOPT_SSL_CTX_DATA, this);
    set(CURLOPT_RESOLVER_START_FUNCTION, &HttpExchange::on_lookup);
    set(CURLOPT_RESOLVER_START_DATA, this);
    set(CURLOPT_OPENSOCKETFUNCTION, &HttpExchange::on_open);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_PREREQFUNCTION, &HttpExchange::on_connected);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &HttpExchange::on_body);
    set(CURLOPT_WRITEDATA, this);
}

void HttpExchange::set_request() {
    set(CURLOPT_URL, url_.to_string().c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_ACCEPT_ENCODING, "");  // whatever libcurl can decompress
    if (request_.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
        return;
    }
    if (!request_.body.empty() || !request_.may_be_repeated() || request_.method == "PUT") {
        // libcurl 7.88 waits for ever where an HTTP/2 server has answered before it has the whole body.
        set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void HttpExchange::set_headers() {
    for (const auto& [name, value] : request_.headers) {
        const std::string lower = lower_case(name);
        if (lower == "host" || lower == "content-length" || lower == "transfer-encoding") continue;  // said by libcurl
        headers_.add(name + (value.empty() ? ";" : ": " + value));
    }
    // Without these libcurl would add its own.
    for (const char* const name : {"accept", "content-type", "expect"}) {
        if (!request_.has_header(name)) headers_.add(std::string(name) + ":");
    }
    set(CURLOPT_HTTPHEADER, headers_.get());
}

/// Always said: what isn't set libcurl takes from the environment.
void HttpExchange::set_proxy() {
    set(CURLOPT_NOPROXY, "");
    if (route_.proxy == nullptr) {
        set(CURLOPT_PROXY, "");
        return;
    }
    set(CURLOPT_PROXY, ("http://" + route_.proxy->to_string()).c_str());
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (route_.proxy->user.empty()) return;
    set(CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_PROXYUSERNAME, route_.proxy->user.c_str());
    set(CURLOPT_PROXYPASSWORD, route_.proxy->password.c_str());
}

async::task<HttpResponse> HttpExchange::perform(std::shared_ptr<CurlMulti> multi) {
    async::task<CURLcode> first = transfer(multi);
    CURLcode code = co_await std::move(first);
    if (lost_a_kept_connection(code)) {
        async::task<CURLcode> second = transfer(std::move(multi));
        code = co_await std::move(second);
    }
    if (code != CURLE_OK) fail(code);
    co_return std::move(answer_);
}

async::task<CURLcode> HttpExchange::transfer(std::shared_ptr<CurlMulti> multi) {
    async::task<CURLcode> first = CurlMulti::perform(multi, easy_.get());
    CURLcode code = co_await std::move(first);
    if (code != CURLE_OK && needs_addresses_) {
        async::task<void> providing = provide_addresses();
        co_await std::move(providing);
        async::task<CURLcode> second = CurlMulti::perform(std::move(multi), easy_.get());
        code = co_await std::move(second);
    }
    co_return code;
}

async::task<void> HttpExchange::provide_addresses() {
    const std::string& host = route_.proxy != nullptr ? route_.proxy->host : url_.host;
    const std::uint16_t port = route_.proxy != nullptr ? route_.proxy->port : url_.port;
    async::task<std::vector<tcp::endpoint>> looking_up = look_up(host, port);
    std::vector<tcp::endpoint> endpoints = co_await std::move(looking_up);
    if (route_.proxy == nullptr) route_.block_list.refuse_blocked(url_, endpoints);
    std::string entry = "+" + host + ":" + std::to_string(port);  // +: known for a minute
    char separator = ':';
    for (const tcp::endpoint& endpoint : endpoints) {
        const std::string address = endpoint.address().to_string();
        entry.append(1, separator).append(endpoint.address().is_v6() ? "[" + address + "]" : address);
        separator = ',';
    }
    addresses_.add(entry);
    set(CURLOPT_RESOLVE, addresses_.get());
    has_addresses_ = true;
    needs_addresses_ = false;
}

/// What went out over a new connection has reached the server, which may have done what it asks for.
bool HttpExchange::may_be_sent() noexcept {
    if (sent_ == Sent::over_a_new_connection && !request_.may_be_repeated()) would_be_repeated_ = true;
    return !would_be_repeated_;
}

bool HttpExchange::lost_a_kept_connection(CURLcode code) const noexcept {
    const bool has_ended = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
    return has_ended && sent_ == Sent::over_a_kept_connection && header_size_ == 0 && !failure_;
}

bool HttpExchange::may_connect_to(const asio::ip::address& address) noexcept {
    if (!may_be_sent()) return false;
    // Which proxy there is the configuration says, not a module or a peer.
    if (route_.proxy != nullptr || route_.block_list.permits(url_, address)) return true;
    refused_ = address;
    return false;
}

int HttpExchange::on_lookup(void*, void*, void* self) noexcept {
    auto& exchange = *static_cast<HttpExchange*>(self);
    const bool is_address = exchange.route_.proxy != nullptr ? exchange.route_.proxy->is_address : exchange.url_.is_address;
    if (!exchange.may_be_sent()) return 1;
    if (is_address) return 0;
    exchange.needs_addresses_ = !exchange.has_addresses_;
    return 1;
}

curl_socket_t HttpExchange::on_open(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    auto& exchange = *static_cast<HttpExchange*>(self);
    const asio::ip::address target = address_of(*address);
    if (!exchange.may_connect_to(target)) return CURL_SOCKET_BAD;
    exchange.has_connected_ = true;
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int HttpExchange::on_connected(void* self, char* address, char*, int, int) noexcept {
    auto& exchange = *static_cast<HttpExchange*>(self);
    boost::system::error_code no_address;
    const asio::ip::address peer = asio::ip::make_address(address, no_address);
    if (no_address || !exchange.may_connect_to(peer)) return CURL_PREREQFUNC_ABORT;
    if (exchange.has_connected_) {
        exchange.sent_ = Sent::over_a_new_connection;
        return CURL_PREREQFUNC_OK;
    }
    exchange.sent_ = Sent::over_a_kept_connection;
    // Should it be closed: not another one that was kept, which may be closed as well.
    const CURLcode outcome = curl_easy_setopt(exchange.easy_.get(), CURLOPT_FRESH_CONNECT, 1L);
    return outcome == CURLE_OK ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

CURLcode HttpExchange::on_tls(CURL*, void* tls, void* self) noexcept {
    try {
        static_cast<HttpExchange*>(self)->route_.authorities.apply(static_cast<SSL_CTX*>(tls));
        return CURLE_OK;
    } catch (const std::bad_alloc&) {
        return CURLE_OUT_OF_MEMORY;
    }
}

std::size_t HttpExchange::on_header(char* bytes, std::size_t, std::size_t count, void* self) noexcept {
    auto& exchange = *static_cast<HttpExchange*>(self);
    try {
        exchange.read_header_line(std::string_view(bytes, count));
        return count;
    } catch (...) {
        exchange.failure_ = std::current_exception();
        return 0;
    }
}

std::size_t HttpExchange::on_body(char* bytes, std::size_t, std::size_t count, void* self) noexcept {
    auto& exchange = *static_cast<HttpExchange*>(self);
    try {
        exchange.read_body(std::string_view(bytes, count));
        return count;
    } catch (...) {
        exchange.failure_ = std::current_exception();
        return 0;
    }
}

void HttpExchange::read_header_line(std::string_view line) {
    header_size_ += line.size();
    if (header_size_ > max_header_size)
        throw boost::system::system_error(boost::system::errc::make_error_code(boost::system::errc::message_size),
                                          url_.host_header());
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    switch (expected_) {
        case Expected::status:
            read_status_line(line);
            break;
        case Expected::field:
            if (line.empty()) {
                end_header();
            } else {
                read_field(line);
            }
            break;
        case Expected::nothing:  // behind a body in chunks
            break;
    }
}

void HttpExchange::read_status_line(std::string_view line) {
    // HTTP/1.1 404 Not Found, or HTTP/2 404. libcurl lets pass what has no status, or one of more than its three digits.
    constexpr int first_status = 100;
    constexpr std::size_t digits = 3;
    line.remove_prefix(std::min(line.find(' '), line.size()));
    line = trimmed(line);
    const std::string_view status = line.substr(0, line.find(' '));
    answer_.status = 0;
    const auto [stopped, error] = std::from_chars(status.data(), status.data() + status.size(), answer_.status);
    if (status.size() != digits || stopped != status.data() + status.size() || answer_.status < first_status)
        throw boost::system::system_error(curl_error(CURLE_WEIRD_SERVER_REPLY), url_.host_header());
    line.remove_prefix(std::min(line.find(' '), line.size()));
    answer_.reason = std::string(trimmed(line));
    answer_.headers.clear();
    expected_ = Expected::field;
}

void HttpExchange::read_field(std::string_view line) {
    if (is_within_header(line) && !answer_.headers.empty()) {
        answer_.headers.back().second.append(" ").append(trimmed(line));
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    answer_.headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
}

void HttpExchange::end_header() {
    if (answer_.status < 200) {  // another one follows
        expected_ = Expected::status;
        return;
    }
    expected_ = Expected::nothing;
    output_ = output_for(request_, answer_.status, answer_.header("content-type").value_or(std::string()));
    // What an encoded body becomes nobody announces.
    const std::optional<std::string> announced = answer_.header("content-length");
    if (!announced || !request_.max_answer || request_.method == "HEAD" || answer_.header("content-encoding")) return;
    std::uint64_t length = 0;
    const auto [stopped, error] = std::from_chars(announced->data(), announced->data() + announced->size(), length);
    if (error == std::errc::result_out_of_range || (error == std::errc() && length > *request_.max_answer))
        refuse_size(url_, request_);
}

void HttpExchange::read_body(std::string_view bytes) {
    if (request_.max_answer && bytes.size() > *request_.max_answer - answer_.length) refuse_size(url_, request_);
    if (output_ == nullptr) {
        answer_.body.append(bytes);
    } else if (!output_->write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
        throw boost::system::system_error(boost::system::errc::make_error_code(boost::system::errc::io_error),
                                          url_.host_header());
    }
    answer_.length += bytes.size();
}

void HttpExchange::fail(CURLcode code) const {
    if (failure_) std::rethrow_exception(failure_);
    if (refused_) BlockList::refuse(url_, *refused_);
    boost::system::error_code error = curl_error(code);
    if (would_be_repeated_ || code == CURLE_GOT_NOTHING) {
        error = make_error_code(asio::error::eof);
    } else if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY) {
        error = make_error_code(asio::error::host_not_found);
    } else if (long number = 0; code == CURLE_COULDNT_CONNECT &&
                                curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &number) == CURLE_OK && number != 0) {
        error = boost::system::error_code(static_cast<int>(number), boost::system::system_category());
    }
    std::string place = url_.host_header();
    if (route_.proxy != nullptr) {
        place += " by the proxy " + route_.proxy->to_string();
        long answered = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &answered);
        if (answered != 0 && !is_success(static_cast<int>(answered))) place += ", which answered " + std::to_string(answered);
    }
    throw boost::system::system_error(error, place);
}

}  // namespace modapi
