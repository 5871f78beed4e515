#include "url.h"

#include "http_request.h"

#include <modapi/percent_encoding.h>

#include <boost/asio/ip/address.hpp>

// Boost.URL's sources: compiled here, so that nothing has to be linked.
#include <boost/url/src.hpp>

#include <arpa/inet.h>
#include <algorithm>
#include <charconv>
#include <optional>

namespace modapi {

namespace {

namespace urls = boost::urls;

constexpr std::uint16_t usual_proxy_port = 1080;

/// What a name or address of a host consists of. Anything else might end the host for who reads the URL next.
bool is_host(std::string_view text) {
    constexpr auto characters = urls::grammar::alnum_chars + urls::grammar::lut_chars("-._~:");
    return !text.empty() && std::all_of(text.begin(), text.end(), characters);
}

/// Lower case. An IPv4 address that is written in an unusual way (127.1, 0x7f000001) becomes a usual one: whoever connects
/// takes it for that address too.
std::string usual_host(const urls::url_view_base& parsed) {
    std::string host = lower_case(parsed.host_address());
    in_addr address{};
    if (!is_host(host) || ::inet_aton(host.c_str(), &address) == 0) return host;
    return boost::asio::ip::address_v4(ntohl(address.s_addr)).to_string();
}

bool is_address(const std::string& host) {
    boost::system::error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    return !no_address;
}

/// None: it is out of range.
std::optional<std::uint16_t> port_of(const urls::url_view_base& parsed, std::uint16_t otherwise) {
    if (!parsed.has_port() || parsed.port().empty()) return otherwise;
    // Not port_number(): it wraps around.
    const std::string_view digits = parsed.port();
    std::uint16_t port = 0;
    const auto [stopped, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || stopped != digits.data() + digits.size() || port == 0) return std::nullopt;
    return port;
}

HttpUrl from_parsed(const urls::url_view_base& parsed) {
    HttpUrl url;
    switch (parsed.scheme_id()) {
        case urls::scheme::http:
            break;
        case urls::scheme::https:
            url.is_secure = true;
            break;
        default:
            throw HttpFormatError("the URL must begin with http:// or https://");
    }
    if (!parsed.has_authority() || parsed.host().empty()) throw HttpFormatError("the URL has no host");
    if (parsed.has_userinfo()) throw HttpFormatError("the URL has a user name in it; send credentials as a header");
    url.host = usual_host(parsed);
    if (!is_host(url.host)) throw HttpFormatError("the URL's host has characters that no host has");
    url.is_address = is_address(url.host);
    const std::optional<std::uint16_t> port = port_of(parsed, url.is_secure ? 443 : 80);
    if (!port) throw HttpFormatError("the URL's port is out of range");
    url.port = *port;
    url.target = std::string(parsed.encoded_path());
    if (url.target.empty()) url.target = "/";
    if (parsed.has_query()) url.target.append("?").append(std::string_view(parsed.encoded_query()));
    return url;
}

/// As in a URL: an IPv6 address in brackets.
std::string bracketed(const std::string& host) { return host.find(':') != std::string::npos ? "[" + host + "]" : host; }

}  // namespace

std::string percent_encoded(std::string_view text) { return urls::encode(text, urls::unreserved_chars); }

std::string HttpUrl::host_header() const {
    std::string header = bracketed(host);
    if (port != (is_secure ? 443 : 80)) header += ":" + std::to_string(port);
    return header;
}

std::string HttpUrl::to_string() const { return std::string(is_secure ? "https://" : "http://") + host_header() + target; }

bool HttpUrl::same_origin(const HttpUrl& other) const noexcept {
    return is_secure == other.is_secure && host == other.host && port == other.port;
}

HttpUrl parse_http_url(std::string_view text) {
    const boost::system::result<urls::url_view> parsed = urls::parse_uri(text);
    if (!parsed) {
        // Not what comes behind a name and password, or as a query.
        const bool is_harmless = text.find_first_of("@?#") == std::string_view::npos;
        throw HttpFormatError(is_harmless ? "this is no URL: " + std::string(text) : std::string("this is no URL"));
    }
    return from_parsed(*parsed);
}

std::string HttpProxy::to_string() const { return bracketed(host) + ":" + std::to_string(port); }

HttpProxy parse_http_proxy(std::string_view text, std::string_view name) {
    std::string with_scheme(text);
    if (with_scheme.find("://") == std::string::npos) with_scheme.insert(0, "http://");
    const boost::system::result<urls::url_view> parsed = urls::parse_uri(with_scheme);
    HttpProxy proxy;
    std::optional<std::uint16_t> port;
    bool is_good = parsed && parsed->scheme_id() == urls::scheme::http && parsed->encoded_path().size() <= 1 &&
                   !parsed->has_query() && !parsed->has_fragment();
    if (is_good) {
        proxy.host = usual_host(*parsed);
        proxy.is_address = is_address(proxy.host);
        port = port_of(*parsed, usual_proxy_port);
        proxy.user = parsed->user();
        proxy.password = parsed->password();
        is_good = is_host(proxy.host) && port.has_value();
    }
    if (!is_good) throw HttpFormatError(std::string(name) + ": must be a proxy, like http://user:password@host:port");
    proxy.port = *port;
    return proxy;
}

HttpUrl follow_location(const HttpUrl& base, std::string_view location) {
    const std::string absolute = base.to_string();
    const boost::system::result<urls::url_view> from = urls::parse_uri(absolute);
    const boost::system::result<urls::url_view> to = urls::parse_uri_reference(location);
    urls::url resolved;
    if (!from || !to || !urls::resolve(*from, *to, resolved))
        throw HttpFormatError("the redirect of " + base.host + " leads to no URL");
    return from_parsed(resolved);
}

std::string urlencoded(const QueryArguments& arguments) {
    std::string text;
    for (const auto& [name, value] : arguments) {
        if (!text.empty()) text += '&';
        text += percent_encoded(name) + "=" + percent_encoded(value);
    }
    return text;
}

void append_query(HttpUrl& url, const QueryArguments& arguments) {
    if (arguments.empty()) return;
    url.target += url.target.find('?') == std::string::npos ? '?' : '&';
    url.target += urlencoded(arguments);
}

}  // namespace modapi
