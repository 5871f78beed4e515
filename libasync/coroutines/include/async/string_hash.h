#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace async::detail {

inline constexpr std::uint64_t hash_multiplier = 0x9e3779b97f4a7c15U;

/// Spreads every bit of `value` over all of them: both halves of its 128-bit product.
[[nodiscard]] constexpr std::uint64_t mix_hash(std::uint64_t value) noexcept {
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(value) * hash_multiplier;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <std::unsigned_integral Word>
constexpr Word word_at(std::string_view string, std::size_t from) noexcept {
    Word read = 0;
    if (std::is_constant_evaluated()) {
        for (std::size_t index = 0; index < sizeof(Word); ++index) {
            read |= static_cast<Word>(static_cast<unsigned char>(string[from + index])) << (8 * index);
        }
    } else {
        std::memcpy(&read, string.data() + from, sizeof(Word));
    }
    return read;
}

/// A hash of a string, the same while compiling and at run time. Whoever takes strings from strangers seeds it with a secret.
/// Cost: a multiplication for every eight bytes.
[[nodiscard]] constexpr std::uint64_t hash_of_string(std::string_view string, std::uint64_t seed = 0) noexcept {
    const std::size_t size = string.size();
    std::uint64_t mixed = size * hash_multiplier ^ seed;
    if (size >= sizeof(std::uint64_t)) {
        // The last word overlaps the one before it, so that none is read in part.
        const std::size_t last = size - sizeof(std::uint64_t);
        for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) {
            mixed = mix_hash(mixed ^ word_at<std::uint64_t>(string, at));
        }
        return mix_hash(mixed ^ word_at<std::uint64_t>(string, last));
    }
    if (size >= sizeof(std::uint32_t)) {
        const std::uint64_t high = word_at<std::uint32_t>(string, size - sizeof(std::uint32_t));
        return mix_hash(mixed ^ (word_at<std::uint32_t>(string, 0) | high << 32));
    }
    std::uint64_t read = 0;
    for (const char c : string) read = read << 8 | static_cast<unsigned char>(c);
    return mix_hash(mixed ^ read);
}

/// This process's secret for hashes of strings from outside.
[[nodiscard]] std::uint64_t hash_seed() noexcept;

}  // namespace async::detail
