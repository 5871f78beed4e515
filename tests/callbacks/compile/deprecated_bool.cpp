// expect-warning: a bool means: true rejects with FORBIDDEN, false is NOT_SPAM
#include <callbacks/spam_checker.h>

async::task<callbacks::EventVerdict> check(const callbacks::Event&) { co_return true; }

callbacks::SpamChecker module() { return {.check_event_for_spam = &check}; }
