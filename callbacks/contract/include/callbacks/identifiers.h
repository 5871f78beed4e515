#pragma once

#include <string>
#include <string_view>

namespace callbacks {

/// A Matrix identifier taken apart: sigil, localpart, domain (`@alice:example.org`). A value type.
///
/// Contract: `UserID`, `RoomAlias`, `RoomID`. Callbacks that the contract declares with `str` pass plain strings; parse them
/// here where the parts matter.
class Identifier {
public:
    [[nodiscard]] const std::string& to_string() const noexcept { return text_; }
    /// What stands between the sigil and the first colon. Valid as long as the object.
    [[nodiscard]] std::string_view localpart() const noexcept { return std::string_view(text_).substr(1, colon_ - 1); }
    /// What stands after the first colon: a server's name.
    [[nodiscard]] std::string_view domain() const noexcept { return std::string_view(text_).substr(colon_ + 1); }

    bool operator==(const Identifier& other) const noexcept { return text_ == other.text_; }
    auto operator<=>(const Identifier& other) const noexcept { return text_ <=> other.text_; }

protected:
    /// Throws SynapseError 400 `M_INVALID_PARAM` with the contract's server's texts.
    Identifier(std::string text, char sigil, std::string_view kind);

private:
    std::string text_;
    std::size_t colon_;
};

/// `@alice:example.org`
class UserID : public Identifier {
public:
    explicit UserID(std::string text) : Identifier(std::move(text), '@', "UserID") {}
};

/// `#hall:example.org`
class RoomAlias : public Identifier {
public:
    explicit RoomAlias(std::string text) : Identifier(std::move(text), '#', "RoomAlias") {}
};

/// `!hall:example.org`
class RoomID : public Identifier {
public:
    explicit RoomID(std::string text) : Identifier(std::move(text), '!', "RoomID") {}
};

/// The part of any identifier after its first colon; empty if there is none.
[[nodiscard]] std::string_view domain_of(std::string_view identifier) noexcept;
/// The part of any identifier between its sigil and its first colon; empty if it has none.
[[nodiscard]] std::string_view localpart_of(std::string_view identifier) noexcept;

}  // namespace callbacks
