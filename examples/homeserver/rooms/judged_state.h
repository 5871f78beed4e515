#pragma once

#include <callbacks/event.h>
#include <callbacks/state_filter.h>
#include <callbacks/third_party_rules.h>

#include <memory>

namespace homeserver {

/// The state that check_event_allowed was asked on, and which parts of it the answers of those who are registered rest on.
class JudgedState {
public:
    JudgedState() = default;
    JudgedState(const callbacks::ThirdPartyRulesDispatch& third_party_rules, std::shared_ptr<const callbacks::StateMap> state);

    /// Whether the answers are good on the state as it is now. Cost: compares both states where anybody is registered.
    [[nodiscard]] bool holds_on(const callbacks::StateMap& now) const;

private:
    std::shared_ptr<const callbacks::StateMap> state_;  ///< null: nobody was asked
    callbacks::StateFilter parts_;
    bool rests_on_all_ = false;
};

}  // namespace homeserver
