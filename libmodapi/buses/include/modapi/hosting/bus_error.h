#pragma once

#include <stdexcept>

namespace modapi {

/// A bus can't be opened, and trying again wouldn't help: rights, a password, a certificate. what() is one line that names the
/// server and holds no password.
class BusError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace modapi
