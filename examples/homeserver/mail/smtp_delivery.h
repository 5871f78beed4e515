#pragma once

#include "mail/mail_address.h"
#include "mail/mail_settings.h"

#include <atomic>
#include <chrono>
#include <string>

namespace homeserver {

/// A mail in both forms, to one recipient.
struct Mail {
    MailAddress from;
    MailAddress to;
    std::string subject;
    std::string html;
    std::string text;
};

/// When nothing is waited for any more.
using MailClock = std::chrono::steady_clock;

/// Hands a mail to a mail server, over STARTTLS if that offers it, and returns when it was taken. Blocks its thread, until
/// `deadline` at the latest, or until about a second after `end_by` (counted by MailClock) has passed; that may change
/// meanwhile.
///
/// A certificate that can't be verified is an error. Errors: modapi::MailError. Source: RFC 5321, 2045, 2047, by libcurl.
void deliver_by_smtp(const SmtpSettings& settings, const std::string& server_name, const Mail& mail,
                     MailClock::time_point deadline, const std::atomic<MailClock::rep>& end_by);

}  // namespace homeserver
