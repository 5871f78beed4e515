#include <modapi/hosting/module_statistics.h>

#include <algorithm>

namespace modapi {

double CallbackCounts::sampled_calls_stand_for() const noexcept {
    const std::uint64_t sampled = at_once.count();
    if (sampled == 0) return 0;
    const std::uint64_t not_at_once = waited.count() + waiting;
    // A moment of another thread's: what has waited may be counted by now, and its call not yet.
    const std::uint64_t all = calls + passed_by;
    const std::uint64_t answered_at_once = all > not_at_once ? all - not_at_once : 0;
    return static_cast<double>(std::max(answered_at_once, sampled)) / static_cast<double>(sampled);
}

double CallbackCounts::estimated_total_ns() const noexcept {
    return static_cast<double>(waited.total_ns) + sampled_calls_stand_for() * static_cast<double>(at_once.total_ns);
}

double CallbackCounts::percentile_ns(double part) const noexcept {
    if (calls == 0) return 0;  // as of most callbacks of most modules
    const double weight = sampled_calls_stand_for();
    const auto in_bucket = [&](std::size_t index) {
        return static_cast<double>(waited.buckets[index]) + weight * static_cast<double>(at_once.buckets[index]);
    };
    double all = 0;
    for (std::size_t index = 0; index < waited.buckets.size(); ++index) all += in_bucket(index);
    // Those that the module wasn't asked in are the quickest.
    const double quicker = std::min(static_cast<double>(passed_by), all);
    const double rank = quicker + part * (all - quicker);
    if (quicker == all) return 0;
    const auto longest = static_cast<double>(max_ns);
    double below = 0;
    for (std::size_t index = 0; index < waited.buckets.size(); ++index) {
        const double here = in_bucket(index);
        if (here == 0 || below + here < rank) {
            below += here;
            continue;
        }
        const double from = index == 0 ? 0 : static_cast<double>(async::duration_bounds::upper[index - 1]);
        // Nothing is longer than the longest, of which the last bucket that has something is as wide as needed.
        const double to =
            index < async::duration_bounds::count ? std::min(static_cast<double>(async::duration_bounds::upper[index]), longest)
                                                  : longest;
        const double within = std::clamp((rank - below) / here, 0.0, 1.0);
        return std::min(from + within * std::max(to - from, 0.0), longest);
    }
    return longest;
}

}  // namespace modapi
