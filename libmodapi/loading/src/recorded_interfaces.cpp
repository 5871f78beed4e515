#include "recorded_interfaces.h"

#include <algorithm>

namespace modapi {

bool takes_interface(std::string_view mark, std::string_view own, std::span<const RecordedInterface> recorded) {
    if (mark == own) return true;
    const auto is_recorded = [&](std::string_view wanted) {
        return std::any_of(recorded.begin(), recorded.end(), [&](const RecordedInterface& of) { return of.mark == wanted; });
    };
    return is_recorded(own) && is_recorded(mark);
}

}  // namespace modapi
