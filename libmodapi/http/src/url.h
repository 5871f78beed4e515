#pragma once

#include <modapi/http_client.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace modapi {

/// Where a request goes.
struct HttpUrl {
    bool is_secure = false;
    std::string host;  ///< lower case, an IPv6 address without brackets
    bool is_address = false;
    std::uint16_t port = 80;
    std::string target;  ///< path and query, as sent

    /// The Host header: with the port where it isn't the scheme's own.
    [[nodiscard]] std::string host_header() const;
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] bool same_origin(const HttpUrl& other) const noexcept;
};

/// Errors: HttpFormatError. What is behind the host (it may hold a secret) isn't in the message.
[[nodiscard]] HttpUrl parse_http_url(std::string_view text);

/// A proxy as the configuration names it.
struct HttpProxy {
    std::string host;  ///< lower case, an IPv6 address without brackets
    bool is_address = false;
    std::uint16_t port = 0;
    std::string user;  ///< empty: it asks for none
    std::string password;

    /// `host:port`, without the credentials.
    [[nodiscard]] std::string to_string() const;
};
/// `http://user:password@host:port`; all but the host may be left out, the port is 1080 then. Errors: HttpFormatError, whose
/// message begins with `name` and has nothing of the text.
[[nodiscard]] HttpProxy parse_http_proxy(std::string_view text, std::string_view name);
/// Where a redirect from `base` leads.
[[nodiscard]] HttpUrl follow_location(const HttpUrl& base, std::string_view location);
/// `name=value&...`, percent-encoded.
[[nodiscard]] std::string urlencoded(const QueryArguments& arguments);
/// Appends `arguments` to the query, percent-encoded.
void append_query(HttpUrl& url, const QueryArguments& arguments);

}  // namespace modapi
