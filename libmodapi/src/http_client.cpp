#include <modapi/http_client.h>

#include "http_exchange.h"
#include "ip_ranges.h"
#include "url.h"

#include <async/sleep.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

namespace modapi {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using callbacks::JsonValue;

constexpr int most_redirects = 5;

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    return lower;
}

bool has_header(const HttpHeaders& headers, std::string_view name) {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& header) { return lower_case(header.first) == name; });
}

/// A line break in a header would begin the next one.
void check_headers(const HttpHeaders& headers) {
    for (const auto& [name, value] : headers) {
        const bool is_token = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 ||
                   std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
        });
        const bool is_value =
            std::none_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
        if (!is_token || !is_value)
            throw HttpFormatError("a header's name or value has characters that can't be sent: " + lower_case(name));
    }
}

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

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

class HttpClient::Implementation {
public:
    explicit Implementation(HttpClientSettings settings)
        : settings_(std::move(settings)),
          blocked_(settings_.ip_range_blocklist, "ip_range_blocklist"),
          unblocked_(settings_.ip_range_allowlist, "ip_range_allowlist") {}

    void allow(std::string_view host_and_port_or_url) {
        std::string text(host_and_port_or_url);
        if (text.find("://") == std::string::npos) text = "http://" + text;
        const HttpUrl url = parse_http_url(text);
        allowed_.emplace(url.host, url.port);
    }

    async::task<JsonValue> request_json(HttpUrl url, HttpRequest request) {
        if (!has_header(request.headers, "user-agent")) request.headers.emplace_back("User-Agent", settings_.user_agent);
        const async::context& here = co_await async::this_context;
        const std::string host = url.host;
        HttpAnswer answer;
        try {
            async::task<HttpAnswer> work = follow(std::move(url), std::move(request));
            async::task<HttpAnswer> limited = async::with_deadline(settings_.timeout, std::move(work));
            answer = co_await std::move(limited);
        } catch (const async::deadline_exceeded&) {
            here.throw_if_cancelled();  // the caller's own deadline, not this request's
            throw RequestTimedOutError("Timeout waiting for response headers and body from " + host);
        }
        if (answer.status < 200 || answer.status > 299) {
            throw HttpResponseException(answer.status, std::move(answer.reason), std::move(answer.body));
        }
        boost::json::error_code error;
        JsonValue parsed = boost::json::parse(answer.body, error);
        if (error) throw HttpFormatError("the answer of " + host + " isn't JSON");
        co_return parsed;
    }

private:
    async::task<HttpAnswer> follow(HttpUrl url, HttpRequest request) {
        for (int redirects = 0;; ++redirects) {
            async::task<HttpAnswer> once = request_once(url, request);
            HttpAnswer answer = co_await std::move(once);
            if (!is_redirect(answer.status) || answer.location.empty()) co_return answer;
            if (redirects == most_redirects) throw HttpFormatError(url.host + " redirects too often");
            HttpUrl next = follow_location(url, answer.location);
            redirect(request, answer.status, next.same_origin(url));
            url = std::move(next);
        }
    }

    async::task<HttpAnswer> request_once(const HttpUrl& url, const HttpRequest& request) {
        if (settings_.transport != nullptr) {
            const std::string text = url.to_string();
            async::task<HttpAnswer> asking = settings_.transport->exchange(text, request);
            co_return co_await std::move(asking);
        }
        async::task<std::vector<tcp::endpoint>> lookup = look_up(url);
        std::vector<tcp::endpoint> endpoints = co_await std::move(lookup);
        // Exactly these are connected to: a name that resolves differently the next time doesn't help anybody.
        refuse_blocked(url, endpoints);
        async::task<HttpAnswer> exchanging =
            exchange(url, endpoints, request, settings_.largest_body, url.is_secure ? &tls() : nullptr);
        co_return co_await std::move(exchanging);
    }

    void refuse_blocked(const HttpUrl& url, std::vector<tcp::endpoint>& endpoints) const {
        if (endpoints.empty() || allowed_.contains({url.host, url.port})) return;
        const std::string first = endpoints.front().address().to_string();
        std::erase_if(endpoints, [this](const tcp::endpoint& endpoint) {
            return blocked_.contains(endpoint.address()) && !unblocked_.contains(endpoint.address());
        });
        if (!endpoints.empty()) return;
        throw BlockedAddressError("modules may not reach " + url.host + " at " + first + " (ip_range_blocklist)");
    }

    /// Made when it is first needed: reading the authorities takes milliseconds.
    asio::ssl::context& tls() {
        if (!tls_) {
            tls_.emplace(asio::ssl::context::tls_client);
            tls_->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                              asio::ssl::context::no_tlsv1_1);
            tls_->set_default_verify_paths();
        }
        return *tls_;
    }

    HttpClientSettings settings_;
    IpRanges blocked_;
    IpRanges unblocked_;
    std::set<std::pair<std::string, std::uint16_t>> allowed_;
    std::optional<asio::ssl::context> tls_;
};

HttpClient::HttpClient(HttpClientSettings settings) : implementation_(std::make_unique<Implementation>(std::move(settings))) {}
HttpClient::~HttpClient() = default;

void HttpClient::allow(std::string_view host_and_port_or_url) { implementation_->allow(host_and_port_or_url); }

async::task<JsonValue> HttpClient::get_json(std::string uri, QueryArguments args, HttpHeaders headers) {
    check_headers(headers);
    HttpUrl url = parse_http_url(uri);
    append_query(url, args);
    HttpRequest request;
    request.method = "GET";
    request.headers = std::move(headers);
    async::task<JsonValue> requesting = implementation_->request_json(std::move(url), std::move(request));
    co_return co_await std::move(requesting);
}

async::task<JsonValue> HttpClient::get_json(std::string uri, QueryArguments args) {
    return get_json(std::move(uri), std::move(args), HttpHeaders());
}

async::task<JsonValue> HttpClient::get_json(std::string uri) {
    return get_json(std::move(uri), QueryArguments(), HttpHeaders());
}

async::task<JsonValue> HttpClient::post_json_get_json(std::string uri, callbacks::JsonDict post_json, HttpHeaders headers) {
    check_headers(headers);
    HttpUrl url = parse_http_url(uri);
    HttpRequest request;
    request.method = "POST";
    request.headers = std::move(headers);
    if (!has_header(request.headers, "content-type")) request.headers.emplace_back("Content-Type", "application/json");
    request.body = boost::json::serialize(post_json);
    async::task<JsonValue> requesting = implementation_->request_json(std::move(url), std::move(request));
    co_return co_await std::move(requesting);
}

async::task<JsonValue> HttpClient::post_json_get_json(std::string uri, callbacks::JsonDict post_json) {
    return post_json_get_json(std::move(uri), std::move(post_json), HttpHeaders());
}

}  // namespace modapi
