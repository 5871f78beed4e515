#pragma once

#include <callbacks/background_update_controller.h>
#include <callbacks/password_auth_provider.h>

#include <async/observation.h>

#include <string>

namespace modapi {

/// Some callbacks answer with code of their module that runs after them, outside of the dispatcher: what a login's response goes
/// through, what surrounds an iteration of a background update. What leaves that code passes the border as if it had left the
/// callback. `border` outlives the registrations; null: there is none, and nothing is put around anything.
[[nodiscard]] callbacks::PasswordAuthProvider with_bordered_answers(callbacks::PasswordAuthProvider given,
                                                                    const std::string& module, async::failure_border* border);
[[nodiscard]] callbacks::BackgroundUpdateController with_bordered_answers(callbacks::BackgroundUpdateController given,
                                                                          const std::string& module,
                                                                          async::failure_border* border);

}  // namespace modapi
