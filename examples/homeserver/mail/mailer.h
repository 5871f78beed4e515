#pragma once

#include "mail/mail_settings.h"
#include "mail/mail_sink.h"
#include "mail/smtp_delivery.h"

#include <callbacks/json.h>

#include <async/task.h>

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

namespace homeserver {

/// Sends the mails of all workers, on threads of its own: a mail server that stalls keeps nobody from anything but mails.
///
/// Thread: any worker's. Lifetime: outlives the workers; its destructor waits for mails that are being sent.
class Mailer {
public:
    /// `settings` and `server_name` outlive it.
    Mailer(const MailSettings& settings, const std::string& server_name);
    ~Mailer();
    Mailer(const Mailer&) = delete;
    Mailer& operator=(const Mailer&) = delete;

    /// Returns when the mail server has taken it, or it is in the file; within SmtpSettings::timeout. Of `record`, what the
    /// file says beside the mail. Errors: std::runtime_error for what is no mail address; modapi::MailError.
    [[nodiscard]] async::task<void> send(std::string recipient, std::string subject, std::string html, std::string text,
                                         callbacks::JsonDict record = callbacks::JsonDict());
    [[nodiscard]] bool can_send() const noexcept { return settings_.smtp || sink_; }

    /// Writes what no mail carries, a code for a phone, into the file. Errors: modapi::MailError, also if there is none.
    [[nodiscard]] async::task<void> note(callbacks::JsonDict record);
    [[nodiscard]] bool can_note() const noexcept { return sink_.has_value(); }

    /// Gives up about a second after `grace` what is being sent then.
    void end_within(std::chrono::milliseconds grace) noexcept;

private:
    /// On a thread of the pool.
    void send_now(const Mail& mail, MailClock::time_point deadline);
    void note_now(const callbacks::JsonDict& record);

    const MailSettings& settings_;
    const std::string& server_name_;
    std::optional<MailSink> sink_;
    std::atomic<MailClock::rep> end_by_{MailClock::time_point::max().time_since_epoch().count()};
    boost::asio::thread_pool pool_;
};

}  // namespace homeserver
