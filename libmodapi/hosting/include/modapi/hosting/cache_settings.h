#pragma once

#include <async/clock.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace async {
class cached_function;
}

namespace modapi {

/// How much the cached functions of modules keep: what an operator says under `caches:`. Applied when a function is registered.
struct CacheSettings {
    double global_factor = 1.0;  ///< what a function says it keeps is multiplied by this
    /// Instead of the global one, for functions of that name_in_configuration().
    std::map<std::string, double> per_cache_factors;
    /// How long functions that say nothing themselves keep what nobody asks for; none: for ever.
    std::optional<std::chrono::milliseconds> cache_entry_ttl = std::chrono::minutes(30);

    /// A function's name as the configuration has it: in lower case, and of its characters only letters, `_` and 1 to 9.
    [[nodiscard]] static std::string name_in_configuration(std::string_view function);
    /// Gives a function the size and the time that the configuration has for it.
    void apply_to(async::cached_function& function) const;
};

}  // namespace modapi
