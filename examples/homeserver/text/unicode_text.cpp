#include "text/unicode_text.h"

namespace homeserver {

namespace {

constexpr unsigned continuation_mask = 0xC0;
constexpr unsigned continuation = 0x80;

bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & continuation_mask) == continuation; }

}  // namespace

std::size_t character_count(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char byte : text) count += is_continuation(byte) ? 0U : 1U;
    return count;
}

}  // namespace homeserver
