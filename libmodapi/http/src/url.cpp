#include "url.h"

#include <boost/asio/ip/address.hpp>

// Boost.URL's sources: compiled here, so that nothing has to be linked.
#include <boost/url/src.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace modapi {

namespace {

namespace urls = boost::urls;

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
    url.host = parsed.host_address();
    std::transform(url.host.begin(), url.host.end(), url.host.begin(), [](unsigned char c) { return std::tolower(c); });
    boost::system::error_code no_address;
    boost::asio::ip::make_address(url.host, no_address);
    url.is_address = !no_address;
    url.port = url.is_secure ? 443 : 80;
    if (parsed.has_port() && !parsed.port().empty()) {
        // Not port_number(): it wraps around.
        const std::string_view digits = parsed.port();
        const auto [stopped, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
        if (error != std::errc() || stopped != digits.data() + digits.size() || url.port == 0) {
            throw HttpFormatError("the URL's port is out of range");
        }
    }
    url.target = std::string(parsed.encoded_path());
    if (url.target.empty()) url.target = "/";
    if (parsed.has_query()) url.target.append("?").append(std::string_view(parsed.encoded_query()));
    return url;
}

std::string percent_encoded(std::string_view text) { return urls::encode(text, urls::unreserved_chars); }

}  // namespace

std::string HttpUrl::host_header() const {
    std::string header = host.find(':') != std::string::npos ? "[" + host + "]" : host;
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
