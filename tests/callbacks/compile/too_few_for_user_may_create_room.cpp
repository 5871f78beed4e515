// expect-error: this callback takes other parameters
// expect-error: declared_and_given<callbacks::Verdict
#include <callbacks/spam_checker.h>

callbacks::Verdict nobody_in_particular() { return callbacks::NOT_SPAM; }

callbacks::SpamChecker module() { return {.user_may_create_room = &nobody_in_particular}; }
