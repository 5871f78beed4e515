#include "events/stream_token.h"

#include <callbacks/errors.h>

#include <charconv>

namespace homeserver {

std::string token_of_position(std::int64_t position) { return "s" + std::to_string(position); }

std::int64_t position_of_token(std::string_view token) {
    std::int64_t position = -1;
    const char* const end = token.data() + token.size();
    if (token.starts_with('s')) {
        const auto [stopped, error] = std::from_chars(token.data() + 1, end, position);
        if (error != std::errc() || stopped != end) position = -1;
    }
    if (position < 0) throw callbacks::SynapseError(400, "Invalid stream token", callbacks::Codes::INVALID_PARAM);
    return position;
}

}  // namespace homeserver
