#include "mail/mail_configuration.h"

#include "mail/mail_address.h"

#include <algorithm>
#include <limits>
#include <string>

namespace homeserver {

namespace {

using modapi::ConfigSection;

bool is_host_name_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '.' || character == '-' || character == ':' ||
           character == '_';
}

SmtpSettings read_smtp(const ConfigSection& email) {
    SmtpSettings smtp;
    smtp.host = email.required<std::string>("smtp_host");
    if (smtp.host.empty() || !std::all_of(smtp.host.begin(), smtp.host.end(), is_host_name_character))
        email.fail("smtp_host", "must be a host name or an IP address");
    const std::int64_t port = email.value_or<std::int64_t>("smtp_port", smtp.port);
    if (port < 1 || port > std::numeric_limits<std::uint16_t>::max())
        email.fail("smtp_port", "must be a port number, 1 to 65535");
    smtp.port = static_cast<std::uint16_t>(port);
    smtp.user = email.optional<std::string>("smtp_user");
    smtp.password = email.value_or<std::string>("smtp_pass", "");
    if (smtp.user && !email.contains("smtp_pass")) email.fail("smtp_pass", "is required beside smtp_user");
    if (!smtp.user && email.contains("smtp_pass")) email.fail("smtp_user", "is required beside smtp_pass");
    smtp.require_transport_security = email.value_or<bool>("require_transport_security", false);
    return smtp;
}

std::string read_sender(const ConfigSection& email, const std::string& app_name) {
    std::string from = email.required<std::string>("notif_from");
    constexpr std::string_view placeholder = "%(app)s";
    const std::size_t at = from.find(placeholder);
    if (at != std::string::npos) from.replace(at, placeholder.size(), app_name);
    if (!parse_mail_address(from)) email.fail("notif_from", "must be a mail address, alone or as Name <address>");
    return from;
}

}  // namespace

const std::set<std::string_view>& mail_keys() {
    static const std::set<std::string_view> keys = {
        "smtp_host",  "smtp_port", "smtp_user", "smtp_pass",   "require_transport_security",
        "notif_from", "app_name",  "sink_path", "smtp_ca_file"};
    return keys;
}

MailSettings read_mail_settings(const ConfigSection& root, const std::filesystem::path& folder) {
    const ConfigSection email = root.section("email");
    const auto located = [&](const std::string& path) {
        return std::filesystem::path(path).is_absolute() ? std::filesystem::path(path) : folder / path;
    };
    MailSettings settings;
    settings.app_name = email.value_or<std::string>("app_name", settings.app_name);
    if (const auto sink = email.optional<std::string>("sink_path")) {
        if (sink->empty()) email.fail("sink_path", "must be a file's path");
        if (email.contains("smtp_host")) email.fail("sink_path", "can't be beside smtp_host: mails go to one of the two");
        settings.sink = located(*sink);
        return settings;
    }
    for (const char* const key : {"smtp_port", "smtp_user", "smtp_pass", "smtp_ca_file"}) {
        if (email.contains(key) && !email.contains("smtp_host"))
            email.fail("smtp_host", std::string("is required beside ") + key);
    }
    if (!email.contains("smtp_host")) return settings;
    settings.smtp = read_smtp(email);
    if (const auto file = email.optional<std::string>("smtp_ca_file")) settings.smtp->ca_file = located(*file).string();
    settings.from = read_sender(email, settings.app_name);
    return settings;
}

}  // namespace homeserver
