// expect-warning: a text rejects with M_FORBIDDEN and that text
#include <callbacks/spam_checker.h>

async::task<callbacks::EventVerdict> check(const callbacks::Event&) { co_return std::string("no"); }

callbacks::SpamChecker module() { return {.check_event_for_spam = &check}; }
