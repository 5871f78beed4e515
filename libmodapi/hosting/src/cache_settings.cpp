#include <modapi/hosting/cache_settings.h>

#include <async/cached_function.h>

#include <cctype>
#include <cmath>
#include <limits>

namespace modapi {

namespace {

std::size_t multiplied(std::size_t entries, double factor) {
    constexpr std::uint32_t max_entries = std::numeric_limits<std::uint32_t>::max();
    const double product = std::trunc(static_cast<double>(entries) * factor);
    return product < max_entries ? static_cast<std::size_t>(product) : max_entries;
}

}  // namespace

std::string CacheSettings::name_in_configuration(std::string_view function) {
    std::string name;
    for (const char character : function) {
        const auto byte = static_cast<unsigned char>(character);
        const bool is_kept = byte < 0x80 && (std::isalpha(byte) != 0 || character == '_' || (byte >= '1' && byte <= '9'));
        if (is_kept) name += static_cast<char>(std::tolower(byte));
    }
    return name;
}

void CacheSettings::apply_to(async::cached_function& function) const {
    const auto own = per_cache_factors.find(name_in_configuration(function.name()));
    const double factor = own == per_cache_factors.end() ? global_factor : own->second;
    function.resize(multiplied(function.counters().max_size, factor));
    if (function.says_its_expiry()) return;
    function.expire_after(cache_entry_ttl ? async::clock::duration(*cache_entry_ttl) : async::clock::duration::zero());
}

}  // namespace modapi
