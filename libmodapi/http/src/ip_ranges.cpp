#include "ip_ranges.h"

#include <modapi/http_client.h>

#include <charconv>

namespace modapi {

namespace {

namespace ip = boost::asio::ip;

constexpr unsigned bits_before_mapped_v4 = 96;

ip::address_v6::bytes_type mapped(const ip::address& address) {
    if (address.is_v6()) return address.to_v6().to_bytes();
    return ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

[[noreturn]] void refuse(std::string_view name, const std::string& text) {
    throw HttpFormatError(std::string(name) + ": \"" + text + "\" is no range of addresses, like 10.0.0.0/8");
}

}  // namespace

IpRanges::IpRanges(const std::vector<std::string>& ranges, std::string_view name) {
    for (const std::string& text : ranges) {
        const std::size_t slash = text.find('/');
        boost::system::error_code error;
        const ip::address address = ip::make_address(text.substr(0, slash), error);
        if (error) refuse(name, text);
        const unsigned width = address.is_v4() ? 32 : 128;
        unsigned prefix = width;
        if (slash != std::string::npos) {
            const char* const end = text.data() + text.size();
            const auto [stopped, failure] = std::from_chars(text.data() + slash + 1, end, prefix);
            if (failure != std::errc() || stopped != end || prefix > width) refuse(name, text);
        }
        ranges_.push_back({mapped(address), address.is_v4() ? prefix + bits_before_mapped_v4 : prefix});
    }
}

bool IpRanges::contains(const ip::address& address) const {
    const ip::address_v6::bytes_type bytes = mapped(address);
    for (const Range& range : ranges_) {
        bool inside = true;
        for (unsigned bit = 0; bit < range.prefix && inside; ++bit) {
            const unsigned mask = 0x80U >> (bit % 8);
            inside = (bytes[bit / 8] & mask) == (range.first[bit / 8] & mask);
        }
        if (inside) return true;
    }
    return false;
}

}  // namespace modapi
