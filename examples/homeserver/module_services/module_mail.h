#pragma once

#include <modapi/services/mail_services.h>

namespace homeserver {

class ServerWorker;

/// Mail for modules, by the server's own mailer.
class ModuleMail final : public modapi::MailServices {
public:
    explicit ModuleMail(ServerWorker& worker) noexcept : worker_(worker) {}

    [[nodiscard]] async::task<void> send_mail(std::string recipient, std::string subject, std::string html,
                                              std::string text) override;

private:
    ServerWorker& worker_;
};

}  // namespace homeserver
