#pragma once

#include <async/string_hash.h>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace callbacks {

/// The name of a field, with what is worth knowing of it before it is written: its hash, and whether it can be written as it
/// is. Made from a string literal while compiling; from any other text at run time, whose bytes outlive the key.
class FieldKey {
public:
    template <std::size_t Size>
    consteval FieldKey(const char (&literal)[Size])  // NOLINT: implicit, a key is written as a string
        : FieldKey(std::string_view(literal, Size - 1)) {
        plain_ = true;
        for (const char c : text_) plain_ = plain_ && static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
    }
    template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::is_array_v<Text> &&
             !std::is_same_v<Text, std::string_view>) FieldKey(const Text& text)  // NOLINT: implicit
        : FieldKey(std::string_view(text)) {}
    constexpr FieldKey(std::string_view text) noexcept  // NOLINT: implicit
        : text_(text.empty() ? std::string_view("") : text),
          hash_(static_cast<std::uint32_t>(async::detail::hash_of_string(text))) {}

    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
    [[nodiscard]] constexpr std::uint32_t hash() const noexcept { return hash_; }
    /// Whether it is known that the name needs no escapes.
    [[nodiscard]] constexpr bool is_plain() const noexcept { return plain_; }

private:
    std::string_view text_;
    std::uint32_t hash_;
    bool plain_ = false;
};

}  // namespace callbacks
