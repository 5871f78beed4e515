#pragma once

#include <stdexcept>

namespace modapi {

/// A mail was not handed over: no mail server is configured, it can't be reached, takes too long or refuses. what() says which
/// server and why, never a password or what is in the mail.
class MailError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace modapi
