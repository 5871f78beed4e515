#pragma once

#include <boost/pfr/core.hpp>
#include <cstddef>

namespace modapi {

/// What a module gave, of which only the first `size` bytes are there: members that are younger than the module are as if it
/// had left them out. Aggregates that modules fill only grow at their end, by members without padding between or behind them,
/// so that an older one is a beginning of a younger one.
template <class Aggregate>
[[nodiscard]] Aggregate grown_aggregate(const Aggregate& given, std::size_t size) {
    Aggregate whole{};
    boost::pfr::for_each_field(whole, [&]<class Member>(Member& member) {
        static_assert(sizeof(Member) % alignof(Aggregate) == 0, "a younger member would lie in what was padding before");
        const std::ptrdiff_t place = reinterpret_cast<const std::byte*>(&member) - reinterpret_cast<const std::byte*>(&whole);
        if (static_cast<std::size_t>(place) + sizeof(Member) > size) return;
        member = *reinterpret_cast<const Member*>(reinterpret_cast<const std::byte*>(&given) + place);
    });
    return whole;
}

}  // namespace modapi
