// expect-error: a member function is registered with its object: async::bind<&Class::member>(this)
#include <callbacks/spam_checker.h>

class Checker {
public:
    async::task<callbacks::Verdict> may_create(const std::string&) { co_return callbacks::NOT_SPAM; }

    callbacks::SpamChecker module() { return {.user_may_create_room = &Checker::may_create}; }
};
