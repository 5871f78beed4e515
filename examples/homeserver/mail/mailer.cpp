#include "mail/mailer.h"

#include <modapi/services/mail_services.h>

#include <async/run_on.h>

#include <stdexcept>
#include <utility>

namespace homeserver {

namespace {

constexpr std::size_t mails_at_once = 4;

}  // namespace

Mailer::Mailer(const MailSettings& settings, const std::string& server_name)
    : settings_(settings), server_name_(server_name), pool_(mails_at_once) {
    if (settings_.sink) sink_.emplace(*settings_.sink);
}

Mailer::~Mailer() { pool_.join(); }

void Mailer::end_within(std::chrono::milliseconds grace) noexcept {
    end_by_.store((MailClock::now() + grace).time_since_epoch().count(), std::memory_order_relaxed);
}

void Mailer::send_now(const Mail& mail, MailClock::time_point deadline) {
    deliver_by_smtp(*settings_.smtp, server_name_, mail, deadline, end_by_);
}

void Mailer::note_now(const callbacks::JsonDict& record) { sink_->append(record); }

async::task<void> Mailer::note(callbacks::JsonDict record) {
    if (!sink_) throw modapi::MailError("email.sink_path is not configured: nobody would get this");
    co_await async::run_on(pool_.get_executor(), &Mailer::note_now, this, std::move(record));
}

async::task<void> Mailer::send(std::string recipient, std::string subject, std::string html, std::string text,
                               callbacks::JsonDict record) {
    std::optional<MailAddress> to = parse_mail_address(recipient);
    if (!to) throw std::runtime_error("this is no mail address: " + recipient);
    if (!can_send()) throw modapi::MailError("no mail can be sent: the configuration has no email.smtp_host");
    if (sink_) {
        record["medium"] = "email";
        record["address"] = to->address;
        record["subject"] = std::move(subject);
        record["html"] = std::move(html);
        record["text"] = std::move(text);
        co_await note(std::move(record));
        co_return;
    }
    Mail mail;
    mail.from = parse_mail_address(settings_.from).value();
    mail.to = std::move(*to);
    mail.subject = std::move(subject);
    mail.html = std::move(html);
    mail.text = std::move(text);
    const MailClock::time_point deadline = MailClock::now() + settings_.smtp->timeout;
    co_await async::run_on(pool_.get_executor(), &Mailer::send_now, this, std::move(mail), deadline);
}

}  // namespace homeserver
