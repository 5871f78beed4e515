// expect-error: this callback's answer has another type
#include <callbacks/spam_checker.h>

async::task<std::string> may_invite(const std::string&, const std::string&, const std::string&) { co_return "no"; }

callbacks::SpamChecker module() { return {.user_may_invite = &may_invite}; }
