// expect-error: this callback's answer has another type
#include <callbacks/third_party_rules.h>

async::task<callbacks::JsonDict> censor(const callbacks::Event& event, const callbacks::StateMap&) {
    co_return event.get_dict();
}

callbacks::ThirdPartyRules module() { return {.check_event_allowed = &censor}; }
