#include <callbacks/media.h>

#include <stdexcept>
#include <string>

namespace callbacks {

MediaUploadLimit::MediaUploadLimit(std::int64_t max_bytes, std::int64_t time_period_ms)
    : max_bytes_(max_bytes), time_period_ms_(time_period_ms) {
    if (max_bytes < 0) throw std::invalid_argument("a media upload limit can't have " + std::to_string(max_bytes) + " bytes");
    if (time_period_ms < 1 || time_period_ms > longest_time_period_ms)
        throw std::invalid_argument("a media upload limit can't be for " + std::to_string(time_period_ms) +
                                    " ms: 1 ms to a hundred years");
}

}  // namespace callbacks
