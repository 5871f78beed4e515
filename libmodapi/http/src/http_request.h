#pragma once

#include "url.h"

#include <modapi/http_client.h>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace modapi {

/// Where the body of a successful answer goes instead of into memory.
struct HttpFileTarget {
    std::ostream* output = nullptr;
    ContentTypeCheck is_allowed_content_type;
};

/// One request, ready to be sent.
struct HttpRequest {
    std::string method;
    HttpHeaders headers;  ///< beside Host and Content-Length
    std::string body;
    std::optional<HttpFileTarget> file;
    std::optional<std::uint64_t> max_answer;  ///< bytes of a body; none: any number

    /// Whether sending it twice does what sending it once does.
    [[nodiscard]] bool may_be_repeated() const noexcept { return method != "POST" && method != "PATCH"; }
    /// `name` in lower case.
    [[nodiscard]] bool has_header(std::string_view name) const;
};

[[nodiscard]] constexpr bool is_success(int status) noexcept { return status >= 200 && status <= 299; }
/// Where the body of an answer goes; null: into memory. Errors: SynapseError 502 for a content type that isn't allowed.
[[nodiscard]] std::ostream* output_for(const HttpRequest& request, int status, std::string_view content_type);
/// Throws what an answer that is larger than it may be is told by.
[[noreturn]] void refuse_size(const HttpUrl& url, const HttpRequest& request);

/// ASCII only, whatever the locale.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace modapi
