#include <callbacks/name_hashes.h>

namespace callbacks::detail {

bool NameHashes::claim_beyond(std::uint64_t name) noexcept {
    for (std::size_t step = 0; step < max_steps; ++step) {
        std::uint64_t& place = places_[(name + step) % places_.size()];
        if (place == name) return false;
        if ((place ^ name) < one_object) continue;
        place = name;
        return true;
    }
    return false;
}

void NameHashes::begin_anew() noexcept {
    places_.fill(0);
    object_ = one_object;
}

}  // namespace callbacks::detail
