// expect-error: this callback takes other parameters
// expect-error: declared_and_given<void
#include <callbacks/account_validity.h>

async::task<void> on_login(const std::string&) { co_return; }

callbacks::AccountValidity module() { return {.on_user_login = &on_login}; }
