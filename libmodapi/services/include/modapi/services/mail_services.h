#pragma once

#include <async/task.h>

#include <stdexcept>
#include <string>

namespace modapi {

/// A mail was not handed over: no mail server is configured, it can't be reached, takes too long or refuses. what() says which
/// server and why, never a password or what is in the mail.
class MailError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a host does with mail for ModuleApi: its method of the same name says what it does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's.
class MailServices {
public:
    virtual ~MailServices() = default;

    [[nodiscard]] virtual async::task<void> send_mail(std::string recipient, std::string subject, std::string html,
                                                      std::string text);
};

}  // namespace modapi
