// expect-error: callbacks::spam_if(bool) (true rejects) or callbacks::allowed_if(bool) (true allows)
#include <callbacks/spam_checker.h>

async::task<bool> may_join(const std::string&, const std::string&, bool) { co_return true; }

callbacks::SpamChecker module() { return {.user_may_join_room = &may_join}; }
