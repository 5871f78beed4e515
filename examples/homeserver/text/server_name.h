#pragma once

#include <callbacks/identifiers.h>

#include <string>
#include <string_view>
#include <utility>

namespace homeserver {

/// This server's name, the part of its users' ids after the colon. Immutable; any thread.
class ServerName {
public:
    explicit ServerName(std::string text) : text_(std::move(text)) {}

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    /// Whether what is after the first colon of a user id or an alias is this server.
    [[nodiscard]] bool owns(std::string_view identifier) const { return callbacks::domain_of(identifier) == text_; }

    /// `alice` becomes `@alice:server`; what begins with `@` is left as it is.
    [[nodiscard]] std::string user_id_of(std::string_view username) const {
        if (username.starts_with('@')) return std::string(username);
        return "@" + std::string(username) + ":" + text_;
    }

private:
    std::string text_;
};

}  // namespace homeserver
