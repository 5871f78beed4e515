#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace modapi {

/// Who a mail is from or to.
struct MailAddress {
    std::string name;     ///< empty if only the address was given
    std::string address;  ///< `local@domain`, printable ASCII without blanks and brackets
};

/// Reads `local@domain` or `Name <local@domain>`, as `send_mail` does; none for anything else: what ends a line or a command is
/// in no address. Whether somebody gets mail there is another question.
[[nodiscard]] std::optional<MailAddress> parse_mail_address(std::string_view text);

}  // namespace modapi
