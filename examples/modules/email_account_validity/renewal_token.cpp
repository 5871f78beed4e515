#include "renewal_token.h"

#include <sodium.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace account_validity {

namespace {

struct Shape {
    TokenKind kind;
    std::size_t length;
    std::string_view alphabet;
};
constexpr Shape shapes[] = {{TokenKind::link, 32, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
                            {TokenKind::typed, 8, "0123456789"}};

}  // namespace

std::string unguessable_text(std::size_t length, std::string_view alphabet) {
    if (sodium_init() < 0) throw std::runtime_error("libsodium can't be initialized");
    std::string text(length, '\0');
    for (char& character : text) character = alphabet[randombytes_uniform(static_cast<std::uint32_t>(alphabet.size()))];
    return text;
}

RenewalToken draw_token(TokenKind kind, const RandomText& random_text) {
    const Shape& shape = shapes[static_cast<std::size_t>(kind)];
    return RenewalToken{kind, random_text(shape.length, shape.alphabet)};
}

std::optional<RenewalToken> parse_token(std::string text) {
    for (const Shape& shape : shapes) {
        if (text.size() == shape.length && text.find_first_not_of(shape.alphabet) == std::string::npos)
            return RenewalToken{shape.kind, std::move(text)};
    }
    return std::nullopt;
}

}  // namespace account_validity
