#include "ip_ranges.h"

#include <modapi/http_client.h>

#include <boost/asio/ip/network_v4.hpp>

#include <algorithm>

namespace modapi {

namespace {

namespace ip = boost::asio::ip;

constexpr unsigned short bits_before_mapped_v4 = 96;
constexpr unsigned short bits_of_v6 = 128;

/// Without the interface that an IPv6 address may name: it is no part of a range.
ip::address_v6 mapped(const ip::address& address) {
    if (address.is_v6()) return ip::address_v6(address.to_v6().to_bytes());
    return ip::make_address_v6(ip::v4_mapped, address.to_v4());
}

ip::network_v6 parsed(const std::string& text, boost::system::error_code& error) {
    if (text.find('/') == std::string::npos) return {mapped(ip::make_address(text, error)), bits_of_v6};
    const ip::network_v4 range_v4 = ip::make_network_v4(text, error);
    if (error) return ip::make_network_v6(text, error);
    return {mapped(range_v4.address()), static_cast<unsigned short>(range_v4.prefix_length() + bits_before_mapped_v4)};
}

}  // namespace

IpRanges::IpRanges(const std::vector<std::string>& ranges, std::string_view name) {
    for (const std::string& text : ranges) {
        boost::system::error_code error;
        const ip::network_v6 range = parsed(text, error);
        if (error) throw HttpFormatError(std::string(name) + ": \"" + text + "\" is no range of addresses, like 10.0.0.0/8");
        ranges_.push_back(range.canonical());
    }
}

bool IpRanges::contains(const ip::address& address) const {
    const ip::address_v6 sought = mapped(address);
    return std::any_of(ranges_.begin(), ranges_.end(), [&](const ip::network_v6& range) {
        return ip::network_v6(sought, range.prefix_length()).canonical() == range;
    });
}

}  // namespace modapi
