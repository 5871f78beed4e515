#include <callbacks/ratelimit_override.h>

#include <stdexcept>
#include <string>

namespace callbacks {

RatelimitOverride::RatelimitOverride(double per_second, std::int64_t burst_count)
    : per_second_(per_second), burst_count_(burst_count) {
    if (!(per_second >= 0 && per_second <= most_per_second))  // also what is no number
        throw std::invalid_argument("a rate limit can't be " + std::to_string(per_second) + " per second");
    if (burst_count < 0 || burst_count > largest_burst)
        throw std::invalid_argument("a rate limit can't have a burst of " + std::to_string(burst_count));
}

}  // namespace callbacks
