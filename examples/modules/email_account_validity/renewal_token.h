#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace account_validity {

/// How a token gets from the mail back to the server.
enum class TokenKind : unsigned char {
    link,   ///< 32 letters, in a link that is followed: tells whose it is
    typed,  ///< 8 digits, for a client that is logged in
};

struct RenewalToken {
    TokenKind kind;
    std::string text;
};

/// Gives so many random characters of an alphabet. Nobody may be able to guess them.
using RandomText = std::function<std::string(std::size_t length, std::string_view alphabet)>;
/// From libsodium's generator.
[[nodiscard]] std::string unguessable_text(std::size_t length, std::string_view alphabet);

[[nodiscard]] RenewalToken draw_token(TokenKind kind, const RandomText& random_text);
/// The token that a text looks like; none if it looks like neither kind.
[[nodiscard]] std::optional<RenewalToken> parse_token(std::string text);

}  // namespace account_validity
