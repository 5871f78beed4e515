#include "http/forwarded_address.h"

#include "text/utf8.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <string_view>

namespace homeserver {

namespace {

using boost::asio::ip::address;

/// Longer than any address with brackets and a port.
constexpr std::size_t max_entry = 64;

bool is_port(std::string_view text) {
    constexpr std::size_t max_digits = 5;
    return !text.empty() && text.size() <= max_digits &&
           std::all_of(text.begin(), text.end(), [](char digit) { return digit >= '0' && digit <= '9'; });
}

/// The address of an entry, without what stands around it; empty if that isn't in order.
std::string_view without_port(std::string_view entry) {
    if (entry.starts_with('[')) {
        const std::size_t end = entry.find(']');
        if (end == std::string_view::npos) return {};
        const std::string_view rest = entry.substr(end + 1);
        if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return {};
        const std::string_view inside = entry.substr(1, end - 1);
        return inside.find(':') != std::string_view::npos ? inside : std::string_view();
    }
    const std::size_t colon = entry.find(':');
    if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) return entry;
    return is_port(entry.substr(colon + 1)) ? entry.substr(0, colon) : std::string_view();
}

}  // namespace

std::optional<std::string> forwarded_address(const std::vector<std::pair<std::string, std::string>>& headers) {
    const auto last = std::find_if(headers.rbegin(), headers.rend(),
                                   [](const auto& header) { return equal_ignoring_case(header.first, "X-Forwarded-For"); });
    if (last == headers.rend()) return std::nullopt;
    std::string_view entry = last->second;
    entry.remove_prefix(entry.rfind(',') + 1);  // none: of the whole
    const std::size_t begin = entry.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return std::nullopt;
    entry = entry.substr(begin, entry.find_last_not_of(" \t") - begin + 1);
    // A zone is a name on the proxy's machine, and what stands behind a NUL wouldn't be looked at.
    if (entry.size() > max_entry || entry.find_first_of(std::string_view("%\0", 2)) != std::string_view::npos) return std::nullopt;
    boost::system::error_code error;
    const address read = boost::asio::ip::make_address(std::string(without_port(entry)), error);
    if (error) return std::nullopt;
    // How a socket for both kinds calls an IPv4 peer.
    if (read.is_v6() && read.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, read.to_v6()).to_string();
    return read.to_string();
}

}  // namespace homeserver
