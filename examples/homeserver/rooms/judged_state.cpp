#include "rooms/judged_state.h"

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::StateMap;

/// Whether a part of `one` that `counts` is missing or another event in `other`.
template <class Counts>
bool differs(const StateMap& one, const StateMap& other, Counts&& counts) {
    return std::any_of(one.begin(), one.end(), [&](const auto& part) {
        const auto& [key, event] = part;
        if (!counts(key)) return false;
        const Event* const found = other.find(key.first, key.second);
        return found == nullptr || found->event_id() != event.event_id();
    });
}

}  // namespace

JudgedState::JudgedState(const callbacks::ThirdPartyRulesDispatch& third_party_rules, std::shared_ptr<const StateMap> state) {
    if (third_party_rules.check_event_allowed.empty()) return;
    state_ = std::move(state);
    third_party_rules.check_event_allowed.each_interest([this](const callbacks::StateFilter* rests_on) {
        if (rests_on == nullptr) {
            rests_on_all_ = true;
        } else {
            parts_.insert(parts_.end(), rests_on->begin(), rests_on->end());
        }
    });
}

bool JudgedState::holds_on(const StateMap& now) const {
    if (!state_) return true;
    const auto counts = [this](const StateMap::Key& key) {
        return rests_on_all_ || std::any_of(parts_.begin(), parts_.end(), [&](const callbacks::StateFilterEntry& part) {
                   return part.type == key.first && (!part.state_key || *part.state_key == key.second);
               });
    };
    return !differs(*state_, now, counts) && !differs(now, *state_, counts);
}

}  // namespace homeserver
