#pragma once

#include "ip_ranges.h"
#include "url.h"

#include <modapi/http_client.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// Whom a client's requests reach by a proxy, and by which. Errors: HttpFormatError for settings that name none.
class HttpProxies {
public:
    explicit HttpProxies(const HttpClientSettings& settings);

    /// Null: the URL's host is reached directly. Lives as long as this.
    [[nodiscard]] const HttpProxy* proxy_for(const HttpUrl& url) const;

private:
    std::optional<HttpProxy> plain_;
    std::optional<HttpProxy> secure_;
    std::vector<std::string> direct_hosts_;
    IpRanges direct_ranges_;
};

}  // namespace modapi
