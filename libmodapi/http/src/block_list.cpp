#include "block_list.h"

namespace modapi {

using boost::asio::ip::tcp;

BlockList::BlockList(const HttpClientSettings& settings)
    : blocked_(settings.ip_range_blocklist, "ip_range_blocklist"),
      unblocked_(settings.ip_range_allowlist, "ip_range_allowlist") {}

void BlockList::allow(std::string_view host_and_port_or_url) {
    std::string text(host_and_port_or_url);
    if (text.find("://") == std::string::npos) text.insert(0, "http://");
    const HttpUrl url = parse_http_url(text);
    allowed_.emplace(url.host, url.port);
}

bool BlockList::permits(const HttpUrl& url, const boost::asio::ip::address& address) const {
    return !blocked_.contains(address) || unblocked_.contains(address) || is_exempt(url);
}

void BlockList::refuse_blocked(const HttpUrl& url, std::vector<tcp::endpoint>& endpoints) const {
    if (endpoints.empty()) return;
    const boost::asio::ip::address first = endpoints.front().address();
    std::erase_if(endpoints, [&](const tcp::endpoint& endpoint) { return !permits(url, endpoint.address()); });
    if (endpoints.empty()) refuse(url, first);
}

void BlockList::refuse(const HttpUrl& url, const boost::asio::ip::address& address) {
    throw BlockedAddressError("modules may not reach " + url.host + " at " + address.to_string() + " (ip_range_blocklist)");
}

}  // namespace modapi
