#pragma once

#include "mail/mailer.h"

#include <modapi/services/mail_services.h>

namespace homeserver {

/// Mail for modules, by the server's own mailer.
class ModuleMail final : public modapi::MailServices {
public:
    explicit ModuleMail(Mailer& mailer) noexcept : mailer_(mailer) {}

    [[nodiscard]] async::task<void> send_mail(std::string recipient, std::string subject, std::string html,
                                              std::string text) override;

private:
    Mailer& mailer_;
};

}  // namespace homeserver
