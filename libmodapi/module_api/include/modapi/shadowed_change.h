#pragma once

#include <stdexcept>

namespace modapi {

/// A callback asked for a change while it runs in shadow mode (the operator's `mode: shadow`): nothing of the server's, of the
/// database's or of other modules' is changed then. The message names module, callback and what was asked for. Nothing to
/// handle: a callback that lets it through has done all it could, and that counts as no failure of its own.
class ShadowedChange : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace modapi
