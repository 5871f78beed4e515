#pragma once

#include <modapi/mail_address.h>

#include <string>
#include <string_view>

namespace homeserver {

using modapi::MailAddress;
using modapi::parse_mail_address;

/// `text` as the value of a header: one line of ASCII; what isn't printable ASCII, or is long, is in encoded words (RFC 2047).
[[nodiscard]] std::string header_text(std::string_view text);

/// `address` as the value of a From or To header.
[[nodiscard]] std::string header_address(const MailAddress& address);

}  // namespace homeserver
