#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace homeserver {

/// A mail server that takes the mails of this one, and how it is spoken to.
struct SmtpSettings {
    std::string host;
    std::uint16_t port = 25;
    std::optional<std::string> user;  ///< none: mails are handed over without logging in
    std::string password;
    bool require_transport_security = false;       ///< true: no mail goes out unless the server offers STARTTLS
    std::optional<std::string> ca_file;            ///< whose certificates are believed; none: those of the system
    std::chrono::milliseconds timeout{30 * 1000};  ///< from asking for a mail to be sent to the server's having taken it
};

/// Where mails go; nowhere without either of the two.
struct MailSettings {
    std::optional<SmtpSettings> smtp;
    std::optional<std::filesystem::path> sink;  ///< a file of JSON lines in a mail server's place
    std::string from;                           ///< `Name <address>` or `address`
    std::string app_name = "Matrix";            ///< what mails call the service
};

}  // namespace homeserver
