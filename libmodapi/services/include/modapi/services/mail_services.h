#pragma once

#include <modapi/mail_error.h>

#include <async/task.h>

#include <string>

namespace modapi {

/// What a host does with mail for ModuleApi: its method of the same name says what it does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's.
///
/// ModuleApi has checked before: the recipient is a mail address as parse_mail_address reads it. What only the host can check:
/// whether it can send mails, and whether the mail server takes this one (MailError).
class MailServices {
public:
    virtual ~MailServices() = default;

    /// Sends a mail to one recipient. Returns when the mail server has taken it. Errors: MailError.
    [[nodiscard]] virtual async::task<void> send_mail(std::string recipient, std::string subject, std::string html,
                                                      std::string text);
};

}  // namespace modapi
