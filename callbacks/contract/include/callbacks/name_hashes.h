#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace callbacks::detail {

/// The hashes of the names that an object has. Nearly every name is new, and that is seen here without knowing where the others
/// stand. A new object makes all places free by counting up.
class NameHashes {
public:
    static constexpr std::size_t place_count = 512;

    void clear() noexcept {
        object_ += one_object;
        if (object_ == 0) [[unlikely]]
            begin_anew();
    }
    /// True: no name with this hash was there; from now on one is. False: one may be there.
    [[nodiscard]] bool claim(std::uint32_t hash) noexcept { return claim_first(hash) || claim_beyond(object_ | hash); }
    /// What `claim` does for nearly every name; false: `claim` has to.
    [[nodiscard]] bool claim_first(std::uint32_t hash) noexcept {
        const std::uint64_t name = object_ | hash;
        std::uint64_t& place = places_[hash % places_.size()];
        if ((place ^ name) < one_object) [[unlikely]]
            return false;
        place = name;
        return true;
    }

private:
    static constexpr std::uint64_t one_object = std::uint64_t(1) << 32;
    static constexpr std::size_t max_steps = 16;

    /// For a name whose first place belongs to a name of this object already.
    [[nodiscard, gnu::noinline]] bool claim_beyond(std::uint64_t name) noexcept;
    [[gnu::cold]] void begin_anew() noexcept;

    std::array<std::uint64_t, place_count> places_{};  // open addressing: the object's number above, the name's hash below
    std::uint64_t object_ = one_object;
};

}  // namespace callbacks::detail
