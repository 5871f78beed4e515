#pragma once

#include <callbacks/json.h>
#include <callbacks/state_filter.h>

#include <concepts>
#include <optional>
#include <utility>

namespace callbacks {

/// Pass value of check_event_allowed: allowed, and as it is.
struct EventAllowed {
    bool operator==(const EventAllowed&) const = default;
};
/// The value to return.
inline constexpr EventAllowed EVENT_ALLOWED{};

/// The answer of check_event_allowed, the contract's pair (allowed, replacement).
///
///     co_return true;                                            // allowed
///     co_return false;                                           // denied
///     co_return callbacks::EventDecision(true, replacement);     // allowed, with this event dictionary in its place
///
/// An event dictionary alone isn't an answer and doesn't compile.
///
/// A registration may say which parts of the room's state its answers rest on; without that it is all of it:
///
///     callbacks::StateFilter closed;
///     closed.emplace_back("x.closed", "");
///     rules.check_event_allowed = {async::bind<&Module::check>(this), closed};
class EventDecision {
public:
    using interest = StateFilter;

    template <std::same_as<bool> Boolean>
    EventDecision(Boolean allowed) : allowed_(allowed) {}  // NOLINT: the contract's return forms
    EventDecision(EventAllowed) {}                         // NOLINT
    template <std::same_as<bool> Boolean>
    EventDecision(Boolean allowed, std::optional<JsonDict> replacement)
        : allowed_(allowed), replacement_(std::move(replacement)) {}
    EventDecision(std::pair<bool, std::optional<JsonDict>> answer)  // NOLINT
        : allowed_(answer.first), replacement_(std::move(answer.second)) {}

    [[nodiscard]] bool allowed() const noexcept { return allowed_; }
    /// What the event is rebuilt from; only of an allowed one.
    [[nodiscard]] const std::optional<JsonDict>& replacement() const noexcept { return replacement_; }
    bool operator==(EventAllowed) const noexcept { return allowed_ && !replacement_; }

private:
    bool allowed_ = true;
    std::optional<JsonDict> replacement_;
};

}  // namespace callbacks
