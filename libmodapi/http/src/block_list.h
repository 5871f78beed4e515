#pragma once

#include "ip_ranges.h"
#include "url.h"

#include <modapi/http_client.h>

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

/// Which addresses a client's requests may reach. Errors: HttpFormatError for a range that is none.
class BlockList {
public:
    explicit BlockList(const HttpClientSettings& settings);

    /// Exempts `host:port`, or the host and port of a URL. Errors: HttpFormatError.
    void allow(std::string_view host_and_port_or_url);
    /// Whether requests to the URL's host and port may reach any address.
    [[nodiscard]] bool is_exempt(const HttpUrl& url) const { return allowed_.contains({url.host, url.port}); }
    [[nodiscard]] bool permits(const HttpUrl& url, const boost::asio::ip::address& address) const;
    /// Takes out what isn't permitted. Errors: BlockedAddressError if nothing is left.
    void refuse_blocked(const HttpUrl& url, std::vector<boost::asio::ip::tcp::endpoint>& endpoints) const;
    [[noreturn]] static void refuse(const HttpUrl& url, const boost::asio::ip::address& address);

private:
    IpRanges blocked_;
    IpRanges unblocked_;
    std::set<std::pair<std::string, std::uint16_t>> allowed_;
};

}  // namespace modapi
