#pragma once

#include <async/name.h>
#include <async/string_hash.h>

#include <concepts>
#include <cstddef>
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

namespace detail {

/// A field's name as it stands in the text of an object, with the quote that a string begins with: `"org.example.kind":"`.
struct WrittenName {
    static constexpr std::size_t around = 4;
    char text[async::name::capacity + around]{};
    std::size_t size = 0;
    std::uint32_t hash = 0;
    std::string_view name;

    /// `of` outlives it.
    explicit constexpr WrittenName(const async::name& of) : hash(FieldKey(of.view()).hash()), name(of.view()) {
        text[size++] = '"';
        for (const char c : name) text[size++] = c;
        for (const char c : {'"', ':', '"'}) text[size++] = c;
    }
    static constexpr bool is_plain(const async::name& of) {
        for (const char c : of.view()) {
            if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') return false;
        }
        return true;
    }
};
template <async::name Name>
inline constexpr async::name kept_name = Name;
template <async::name Name>
inline constexpr WrittenName written_name{kept_name<Name>};

}  // namespace detail

}  // namespace callbacks
