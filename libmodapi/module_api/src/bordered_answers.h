#pragma once

#include <callbacks/background_update_controller.h>
#include <callbacks/password_auth_provider.h>

#include <modapi/hosting/module_registrations.h>

#include <async/observation.h>

namespace modapi {

/// Some callbacks answer with code of their module that runs after them, outside of the dispatcher: what a login's response goes
/// through, what surrounds an iteration of a background update. What leaves that code passes the border as if it had left the
/// callback, and its module lives until it is done with. `border` outlives the registrations; null: there is none.
[[nodiscard]] callbacks::PasswordAuthProvider with_bordered_answers(callbacks::PasswordAuthProvider given,
                                                                    async::failure_border* border,
                                                                    const ModuleRegistrations& of);
[[nodiscard]] callbacks::BackgroundUpdateController with_bordered_answers(callbacks::BackgroundUpdateController given,
                                                                          async::failure_border* border,
                                                                          const ModuleRegistrations& of);

}  // namespace modapi
