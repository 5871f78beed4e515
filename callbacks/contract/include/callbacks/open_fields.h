#pragma once

#include <callbacks/name_hashes.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace callbacks::detail {

/// Bytes that grow at their end, as who writes there needs them.
struct GrowingText {
    char* begin = nullptr;
    char* end = nullptr;
    char* limit = nullptr;

    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept { return static_cast<std::size_t>(limit - end) >= bytes; }
};

/// An object whose fields are being written: what a module's code needs that puts them there without a call (UnsignedWriter).
struct OpenFields {
    GrowingText* written_to = nullptr;  ///< each field at its end, with its comma
    NameHashes names;
};

/// Copies texts into strings of JSON and notes whether a byte of one of them needs an escape there. It is written without the
/// processor's intrinsics, which a module's includes don't bring along; compilers make of it what they make of those.
class PlainCopy {
public:
    /// Writes nothing beyond what it returns. The last block overlaps the one before it, so that no byte is looked at alone.
    [[nodiscard, gnu::always_inline]] char* copy(char* to, std::string_view text) noexcept {
        const char* const from = text.data();
        const std::size_t size = text.size();
        if (size >= sizeof(Bytes)) {
            const std::size_t last = size - sizeof(Bytes);
            copy_block(to + last, from + last);
            for (std::size_t at = 0; at < last; at += sizeof(Bytes)) copy_block(to + at, from + at);
        } else if (size >= sizeof(std::uint64_t)) {
            const std::uint64_t first_half = copy_word<std::uint64_t>(to, from);
            const std::size_t last = size - sizeof(std::uint64_t);
            note(Words{first_half, copy_word<std::uint64_t>(to + last, from + last)});
        } else {
            const std::uint64_t word = copy_few(to, from, size);
            note(Words{word, word});
        }
        return to + size;
    }
    [[nodiscard]] bool needs_escapes() const noexcept {
        const Words found = reinterpret_cast<Words>(special_);
        return (found[0] | found[1]) != 0;
    }

private:
    using Bytes [[gnu::vector_size(16)]] = unsigned char;
    using Words [[gnu::vector_size(16)]] = std::uint64_t;

    [[gnu::always_inline]] void note(Words words) noexcept { note(reinterpret_cast<Bytes>(words)); }
    [[gnu::always_inline]] void note(Bytes bytes) noexcept {
        constexpr Bytes zero{};
        special_ |= reinterpret_cast<Bytes>(bytes < zero + static_cast<unsigned char>(' '));
        special_ |= reinterpret_cast<Bytes>(bytes == zero + static_cast<unsigned char>('"'));
        special_ |= reinterpret_cast<Bytes>(bytes == zero + static_cast<unsigned char>('\\'));
    }
    [[gnu::always_inline]] void copy_block(char* to, const char* from) noexcept {
        Bytes bytes;
        std::memcpy(&bytes, from, sizeof(bytes));
        std::memcpy(to, &bytes, sizeof(bytes));
        note(bytes);
    }
    template <class Word>
    [[gnu::always_inline]] static Word copy_word(char* to, const char* from) noexcept {
        Word word = 0;
        std::memcpy(&word, from, sizeof(word));
        std::memcpy(to, &word, sizeof(word));
        return word;
    }
    /// Less than eight bytes; what it returns has each of them, and else spaces.
    [[nodiscard, gnu::always_inline]] static std::uint64_t copy_few(char* to, const char* from, std::size_t size) noexcept {
        if (size >= sizeof(std::uint32_t)) {
            const std::size_t last = size - sizeof(std::uint32_t);
            const std::uint64_t first_half = copy_word<std::uint32_t>(to, from);
            return first_half | std::uint64_t(copy_word<std::uint32_t>(to + last, from + last)) << 32;
        }
        std::uint64_t bytes = 0x2020202020202020;
        for (std::size_t at = 0; at < size; ++at) {
            to[at] = from[at];
            bytes = bytes << 8 | static_cast<unsigned char>(from[at]);
        }
        return bytes;
    }

    Bytes special_{};
};

}  // namespace callbacks::detail
