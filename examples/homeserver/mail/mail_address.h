#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// Who a mail is from or to.
struct MailAddress {
    std::string name;     ///< empty if only the address was given
    std::string address;  ///< `local@domain`, printable ASCII without blanks and brackets
};

/// Reads `local@domain` or `Name <local@domain>`; none for anything else: what ends a line or a command is in no address.
[[nodiscard]] std::optional<MailAddress> parse_mail_address(std::string_view text);

/// `text` as the value of a header: one line of ASCII; what isn't printable ASCII, or is long, is in encoded words (RFC 2047).
[[nodiscard]] std::string header_text(std::string_view text);

/// `address` as the value of a From or To header.
[[nodiscard]] std::string header_address(const MailAddress& address);

}  // namespace homeserver
