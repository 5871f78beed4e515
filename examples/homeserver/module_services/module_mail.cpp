#include "module_services/module_mail.h"

#include "mail/mailer.h"

#include <utility>

namespace homeserver {

async::task<void> ModuleMail::send_mail(std::string recipient, std::string subject, std::string html, std::string text) {
    return mailer_.send(std::move(recipient), std::move(subject), std::move(html), std::move(text));
}

}  // namespace homeserver
