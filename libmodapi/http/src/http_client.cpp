#include <modapi/hosting/request_trace.h>
#include <modapi/http_client.h>
#include <modapi/http_transport.h>

#include "block_list.h"
#include "curl_multi.h"
#include "http_exchange.h"
#include "http_proxies.h"
#include "http_request.h"
#include "name_lookup.h"
#include "tls_authorities.h"
#include "url.h"

#include <async/sleep.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cctype>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace modapi {

namespace {

using boost::asio::ip::tcp;
using callbacks::JsonValue;

constexpr int max_redirects = 5;
constexpr long max_kept_connections = 16;

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

void check_method(std::string_view method) {
    if (!is_token(method) || method == "CONNECT") throw HttpFormatError("this is no method of a request");
}

/// A line break in a header would begin the next one.
void check_headers(const HttpHeaders& headers) {
    for (const auto& [name, value] : headers) {
        const bool is_value =
            std::none_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
        if (!is_token(name) || !is_value)
            throw HttpFormatError("a header's name or value has characters that can't be sent: " + lower_case(name));
    }
}

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/// Says because of which request this one is made. Who names another trace gets nothing of this one.
void add_trace(HttpRequest& request, const RequestTrace* cause) {
    if (cause == nullptr || request.has_header("traceparent")) return;
    request.headers.emplace_back("traceparent", cause->traceparent());
    if (!cause->tracestate().empty() && !request.has_header("tracestate"))
        request.headers.emplace_back("tracestate", cause->tracestate());
}

/// What goes along to where a redirect leads: nothing that proves who one is, unless it stays with the same server.
void redirect(HttpRequest& request, int status, bool same_origin) {
    if (request.method != "GET" && status != 307 && status != 308) {
        request.method = "GET";
        request.body.clear();
        std::erase_if(request.headers, [](const auto& header) { return lower_case(header.first) == "content-type"; });
    }
    if (same_origin) return;
    std::erase_if(request.headers, [](const auto& header) {
        const std::string name = lower_case(header.first);
        return name == "authorization" || name == "cookie" || name == "proxy-authorization";
    });
}

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
    const std::string wanted = lower_case(name);
    for (const auto& [known, value] : headers) {
        if (lower_case(known) == wanted) return value;
    }
    return std::nullopt;
}

HttpResponseException::HttpResponseException(int code, std::string reason, std::string body)
    : std::runtime_error("the server answered " + std::to_string(code) + (reason.empty() ? "" : " " + reason)),
      code_(code),
      reason_(std::move(reason)),
      body_(std::move(body)) {}

std::vector<std::string> HttpClientSettings::default_blocklist() {
    return {"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
            "::/128",        "::1/128",         "64:ff9b::/96",   "100::/64",       "2001:db8::/32",
            "2002::/16",     "fc00::/7",        "fe80::/10",      "fec0::/10",      "ff00::/8"};
}

void HttpClientSettings::check_ranges(const std::vector<std::string>& ranges, std::string_view name) {
    static_cast<void>(IpRanges(ranges, name));
}

void HttpClientSettings::check_proxies(const HttpClientSettings& settings) { static_cast<void>(HttpProxies(settings)); }

class HttpClient::Implementation {
public:
    explicit Implementation(HttpClientSettings settings)
        : settings_(std::move(settings)), block_list_(settings_), proxies_(settings_) {}

    void allow(std::string_view host_and_port_or_url) { block_list_.allow(host_and_port_or_url); }

    [[nodiscard]] HttpClientCounts counts() const noexcept { return {answered_, durations_.counts()}; }

    /// Any answer, from where redirects lead to, within the time that a request has.
    async::task<HttpResponse> request(HttpUrl url, HttpRequest request) {
        const async::context& here = co_await async::this_context;
        const async::clock::time_point began = here.clock().now();
        std::optional<HttpResponse> answer;
        std::exception_ptr failure;
        try {
            async::task<HttpResponse> asking = request_in_time(std::move(url), std::move(request));
            answer = co_await std::move(asking);
        } catch (...) {
            failure = std::current_exception();
        }
        const std::size_t digit = answer ? static_cast<std::size_t>(std::max(answer->status, 0)) / 100 : 0;
        ++answered_[digit < answered_.size() ? digit : 0];
        durations_.add(static_cast<std::uint64_t>((here.clock().now() - began).count()));
        if (failure) std::rethrow_exception(std::move(failure));
        co_return std::move(*answer);
    }

    async::task<HttpResponse> request_in_time(HttpUrl url, HttpRequest request) {
        if (!request.has_header("user-agent")) request.headers.emplace_back("User-Agent", settings_.user_agent);
        if (!request.file) request.max_answer = settings_.largest_body;
        const async::context& here = co_await async::this_context;
        add_trace(request, trace_of(here).get());
        const std::string host = url.host;
        try {
            async::task<HttpResponse> work = follow(std::move(url), std::move(request));
            async::task<HttpResponse> limited = async::with_deadline(settings_.timeout, std::move(work));
            co_return co_await std::move(limited);
        } catch (const async::deadline_exceeded&) {
            here.throw_if_cancelled();  // the caller's own deadline, not this request's
            throw RequestTimedOutError("Timeout waiting for response headers and body from " + host);
        }
    }

    async::task<HttpResponse> request_successfully(HttpUrl url, HttpRequest asked) {
        async::task<HttpResponse> asking = request(std::move(url), std::move(asked));
        HttpResponse answer = co_await std::move(asking);
        if (!is_success(answer.status)) {
            throw HttpResponseException(answer.status, std::move(answer.reason), std::move(answer.body));
        }
        co_return answer;
    }

    async::task<JsonValue> request_json(HttpUrl url, HttpRequest request) {
        const std::string host = url.host;
        async::task<HttpResponse> asking = request_successfully(std::move(url), std::move(request));
        const HttpResponse answer = co_await std::move(asking);
        boost::json::error_code error;
        JsonValue parsed = boost::json::parse(answer.body, error);
        if (error) throw HttpFormatError("the answer of " + host + " isn't JSON");
        co_return parsed;
    }

private:
    async::task<HttpResponse> follow(HttpUrl url, HttpRequest request) {
        for (int redirects = 0;; ++redirects) {
            async::task<HttpResponse> once = request_once(url, request);
            HttpResponse answer = co_await std::move(once);
            const std::string location = answer.header("location").value_or(std::string());
            if (!is_redirect(answer.status) || location.empty()) {
                answer.url = url.to_string();
                co_return answer;
            }
            if (redirects == max_redirects) throw HttpFormatError(url.host + " redirects too often");
            HttpUrl next = follow_location(url, location);
            redirect(request, answer.status, next.same_origin(url));
            url = std::move(next);
        }
    }

    async::task<HttpResponse> request_once(const HttpUrl& url, const HttpRequest& request) {
        if (settings_.transport != nullptr) {
            async::task<HttpResponse> asking = ask_transport(*settings_.transport, url, request);
            co_return co_await std::move(asking);
        }
        const HttpProxy* const proxy = proxies_.proxy_for(url);
        if (url.is_address || proxy != nullptr) {
            async::task<void> checking = check(url);
            co_await std::move(checking);
        }
        const async::context& here = co_await async::this_context;
        if (!multi_) multi_ = std::make_shared<CurlMulti>(here.executor(), max_kept_connections);
        if (multi_->executor() != here.executor()) throw std::logic_error("an HTTP client is used on two executors");
        HttpExchange exchange(url, request, HttpRoute{block_list_, proxy, authorities_});
        async::task<HttpResponse> performing = exchange.perform(multi_);
        co_return co_await std::move(performing);
    }

    /// Before anything is connected to: an address, and what only a proxy will connect to.
    async::task<void> check(const HttpUrl& url) {
        if (block_list_.is_exempt(url)) co_return;
        async::task<std::vector<tcp::endpoint>> looking_up = look_up(url.host, url.port);
        std::vector<tcp::endpoint> endpoints = co_await std::move(looking_up);
        block_list_.refuse_blocked(url, endpoints);
    }

    static async::task<HttpResponse> ask_transport(HttpTransport& transport, const HttpUrl& url, const HttpRequest& request) {
        const std::string text = url.to_string();
        async::task<HttpResponse> asking = transport.exchange(request.method, text, request.headers, request.body);
        HttpResponse answer = co_await std::move(asking);
        answer.length = answer.body.size();
        if (request.max_answer && answer.length > *request.max_answer) refuse_size(url, request);
        std::ostream* const output = output_for(request, answer.status, answer.header("content-type").value_or(std::string()));
        if (output == nullptr) co_return answer;
        *output << answer.body;
        answer.body.clear();
        co_return answer;
    }

    HttpClientSettings settings_;
    BlockList block_list_;
    HttpProxies proxies_;
    TlsAuthorities authorities_;
    std::shared_ptr<CurlMulti> multi_;
    std::array<std::uint64_t, 6> answered_{};
    async::duration_histogram durations_;
};

HttpClient::HttpClient(HttpClientSettings settings) : implementation_(std::make_unique<Implementation>(std::move(settings))) {}
HttpClient::~HttpClient() = default;

void HttpClient::allow(std::string_view host_and_port_or_url) { implementation_->allow(host_and_port_or_url); }
HttpClientCounts HttpClient::counts() const noexcept { return implementation_->counts(); }

namespace {

/// A request to `uri` with `args` in its query; headers are checked.
struct Prepared {
    Prepared(std::string_view method, const std::string& uri, const QueryArguments& args, HttpHeaders headers)
        : url(parse_http_url(uri)) {
        check_headers(headers);
        append_query(url, args);
        request.method = std::string(method);
        request.headers = std::move(headers);
    }
    void set_body(std::string body, const char* content_type) {
        request.body = std::move(body);
        if (!request.has_header("content-type")) request.headers.emplace_back("Content-Type", content_type);
    }

    HttpUrl url;
    HttpRequest request;
};

constexpr const char* json_type = "application/json";

}  // namespace

async::task<JsonValue> HttpClient::get_json(std::string uri, QueryArguments args, HttpHeaders headers) {
    Prepared prepared("GET", uri, args, std::move(headers));
    co_return co_await implementation_->request_json(std::move(prepared.url), std::move(prepared.request));
}

async::task<JsonValue> HttpClient::post_json_get_json(std::string uri, callbacks::JsonDict post_json, HttpHeaders headers) {
    Prepared prepared("POST", uri, QueryArguments(), std::move(headers));
    prepared.set_body(boost::json::serialize(post_json), json_type);
    co_return co_await implementation_->request_json(std::move(prepared.url), std::move(prepared.request));
}

async::task<JsonValue> HttpClient::post_urlencoded_get_json(std::string uri, QueryArguments args, HttpHeaders headers) {
    Prepared prepared("POST", uri, QueryArguments(), std::move(headers));
    prepared.set_body(urlencoded(args), "application/x-www-form-urlencoded");
    co_return co_await implementation_->request_json(std::move(prepared.url), std::move(prepared.request));
}

async::task<JsonValue> HttpClient::put_json(std::string uri, callbacks::JsonDict json_body, QueryArguments args,
                                            HttpHeaders headers) {
    Prepared prepared("PUT", uri, args, std::move(headers));
    prepared.set_body(boost::json::serialize(json_body), json_type);
    co_return co_await implementation_->request_json(std::move(prepared.url), std::move(prepared.request));
}

async::task<std::string> HttpClient::get_raw(std::string uri, QueryArguments args, HttpHeaders headers) {
    Prepared prepared("GET", uri, args, std::move(headers));
    HttpResponse answer = co_await implementation_->request_successfully(std::move(prepared.url), std::move(prepared.request));
    co_return std::move(answer.body);
}

async::task<HttpResponse> HttpClient::get_file(std::string url, std::ostream& output_stream,
                                               std::optional<std::uint64_t> max_size, HttpHeaders headers,
                                               ContentTypeCheck is_allowed_content_type) {
    Prepared prepared("GET", url, QueryArguments(), std::move(headers));
    prepared.request.file = HttpFileTarget{&output_stream, std::move(is_allowed_content_type)};
    prepared.request.max_answer = max_size;
    co_return co_await implementation_->request_successfully(std::move(prepared.url), std::move(prepared.request));
}

async::task<HttpResponse> HttpClient::request(std::string method, std::string uri, std::string data, HttpHeaders headers) {
    check_method(method);
    Prepared prepared(method, uri, QueryArguments(), std::move(headers));
    prepared.request.body = std::move(data);
    co_return co_await implementation_->request(std::move(prepared.url), std::move(prepared.request));
}

}  // namespace modapi
