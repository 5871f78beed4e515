#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// A set of CIDR ranges. An IPv4 address that is mapped into IPv6 counts as what it is.
class IpRanges {
public:
    /// Errors: HttpFormatError for a text that is neither a range nor an address; `name` is the setting it comes from.
    IpRanges(const std::vector<std::string>& ranges, std::string_view name);

    [[nodiscard]] bool contains(const boost::asio::ip::address& address) const;

private:
    std::vector<boost::asio::ip::network_v6> ranges_;  ///< IPv4 as mapped addresses
};

}  // namespace modapi
