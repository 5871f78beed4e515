#pragma once

#include <callbacks/json_buffer.h>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace callbacks {

/// The name of a field, with what is worth knowing of it before it is written: its hash, and whether it can be written as it is.
/// Made from a string literal while compiling; from any other text at run time, whose bytes outlive the key.
class FieldKey {
public:
    template <std::size_t Size>
    consteval FieldKey(const char (&literal)[Size])  // NOLINT: implicit, a key is written as a string
        : FieldKey(std::string_view(literal, Size - 1), 0) {}
    template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::is_array_v<Text>)
        FieldKey(const Text& text)  // NOLINT: implicit
        : FieldKey(std::string_view(text), 0) {}

    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
    [[nodiscard]] constexpr std::uint32_t hash() const noexcept { return hash_; }
    /// Whether the name needs no escapes.
    [[nodiscard]] constexpr bool is_plain() const noexcept { return plain_; }

    /// Of a text; 64 bits, all of them mixed. Not for texts of strangers: it has no secret.
    [[nodiscard]] static constexpr std::uint64_t hash_of(std::string_view text) noexcept {
        const std::size_t size = text.size();
        if (size < sizeof(std::uint64_t)) return mix(size * multiplier ^ short_word(text));
        // The last word overlaps the one before it, so that none is read in part.
        const std::size_t last = size - sizeof(std::uint64_t);
        std::uint64_t mixed = size * multiplier;
        for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) mixed = mix(mixed ^ word<std::uint64_t>(text, at));
        return mix(mixed ^ word<std::uint64_t>(text, last));
    }

private:
    static constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15U;

    constexpr FieldKey(std::string_view text, int) noexcept
        : text_(text), hash_(static_cast<std::uint32_t>(hash_of(text) >> 32)) {
        for (const char c : text) plain_ = plain_ && static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
    }

    static constexpr std::uint64_t mix(std::uint64_t value) noexcept {
        value *= multiplier;
        return value ^ (value >> 32);
    }
    template <std::unsigned_integral Word>
    static constexpr Word word(std::string_view text, std::size_t from) noexcept {
        Word read = 0;
        if (std::is_constant_evaluated()) {
            for (std::size_t index = 0; index < sizeof(Word); ++index) {
                read |= static_cast<Word>(static_cast<unsigned char>(text[from + index])) << (8 * index);
            }
        } else {
            std::memcpy(&read, text.data() + from, sizeof(Word));
        }
        return read;
    }
    static constexpr std::uint64_t short_word(std::string_view text) noexcept {
        const std::size_t size = text.size();
        if (size >= sizeof(std::uint32_t)) {
            const std::uint64_t high = word<std::uint32_t>(text, size - sizeof(std::uint32_t));
            return word<std::uint32_t>(text, 0) | high << 32;
        }
        std::uint64_t read = 0;
        for (const char c : text) read = read << 8 | static_cast<unsigned char>(c);
        return read;
    }

    std::string_view text_;
    std::uint32_t hash_;
    bool plain_ = true;
};

}  // namespace callbacks
