#include "http_proxies.h"

#include "http_request.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace modapi {

namespace {

constexpr std::string_view no_proxy_name = "no_proxy_hosts";

bool is_range(const std::string& entry) {
    boost::system::error_code no_address;
    boost::asio::ip::make_address(entry, no_address);
    return !no_address || entry.find('/') != std::string::npos;
}

std::vector<std::string> ranges_of(std::vector<std::string> entries) {
    std::erase_if(entries, [](const std::string& entry) { return !is_range(entry); });
    return entries;
}

/// `example.org`, `.example.org` and `*.example.org` are all of that domain; `*` is everybody.
bool is_within(std::string_view host, std::string_view domain) {
    if (domain.starts_with('*')) domain.remove_prefix(1);
    if (domain.empty()) return true;
    if (domain.starts_with('.')) domain.remove_prefix(1);
    if (!host.ends_with(domain)) return false;
    const std::string_view before = host.substr(0, host.size() - domain.size());
    return before.empty() || before.ends_with('.');
}

}  // namespace

HttpProxies::HttpProxies(const HttpClientSettings& settings)
    : direct_ranges_(ranges_of(settings.no_proxy_hosts), no_proxy_name) {
    if (!settings.http_proxy.empty()) plain_ = parse_http_proxy(settings.http_proxy, "http_proxy");
    if (!settings.https_proxy.empty()) secure_ = parse_http_proxy(settings.https_proxy, "https_proxy");
    for (const std::string& entry : settings.no_proxy_hosts) {
        if (entry.empty() || entry == ".") throw HttpFormatError(std::string(no_proxy_name) + ": an entry names no host");
        if (!is_range(entry)) direct_hosts_.push_back(lower_case(entry));
    }
}

const HttpProxy* HttpProxies::proxy_for(const HttpUrl& url) const {
    const std::optional<HttpProxy>& proxy = url.is_secure ? secure_ : plain_;
    if (!proxy) return nullptr;
    if (url.is_address && direct_ranges_.contains(boost::asio::ip::make_address(url.host))) return nullptr;
    const bool is_direct = std::any_of(direct_hosts_.begin(), direct_hosts_.end(),
                                       [&](const std::string& domain) { return is_within(url.host, domain); });
    return is_direct ? nullptr : &*proxy;
}

}  // namespace modapi
