#pragma once

#include <callbacks/rules.h>

#include <async/clock.h>
#include <async/limiter.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace modapi {

/// How far an operator trusts a callback of a module: an entry's `callbacks:`, or the section of one of them.
struct CallbackRule {
    std::optional<async::clock::duration> deadline;  ///< 0: it has none; none: the host's for all callbacks
    async::failure_outcome on_failure = async::failure_outcome::contract;
    std::optional<std::size_t> max_concurrent;  ///< runs in flight on a worker; none: any
    std::optional<async::breaker_limits> breaker;
    async::call_mode mode = async::call_mode::enforce;
    std::uint32_t share = async::call_limits::whole;  ///< of 10'000
    int order = 0;                                    ///< before other modules' with a greater one
    bool has_own_places = false;      ///< its `max_concurrent` is for this callback alone, else for all of the entry together
    bool has_own_breaker = false;     ///< likewise
    bool has_own_on_failure = false;  ///< said in the section of this callback
    bool has_own_share = false;       ///< likewise
    bool has_own_mode = false;        ///< likewise

    /// Whether its runs have any limit.
    [[nodiscard]] bool limits() const noexcept {
        return deadline || on_failure != async::failure_outcome::contract || max_concurrent || breaker ||
               mode != async::call_mode::enforce || share != async::call_limits::whole;
    }
    bool operator==(const CallbackRule&) const = default;
};

/// What an entry of `modules:` says of its callbacks.
struct ModuleRules {
    CallbackRule of_entry;
    std::map<std::string, CallbackRule, std::less<>> of_callback;  ///< those that have a section; the entry's is in them
    /// The rule for a callback: its own section's, else the entry's.
    [[nodiscard]] const CallbackRule& of(std::string_view callback) const noexcept {
        const auto found = of_callback.find(callback);
        return found != of_callback.end() ? found->second : of_entry;
    }
    bool operator==(const ModuleRules&) const = default;
};

/// The limits of one entry's callbacks on one worker.
///
/// Thread: the worker's. Lifetime: `time` and `settings` outlive it and what it was registered with.
class ModuleLimits {
public:
    ModuleLimits(std::shared_ptr<const ModuleRules> rules, async::clock& time, const async::dispatch_settings& settings);

    /// What is in force for a callback of this module.
    [[nodiscard]] callbacks::CallbackRules of(std::string_view callback);
    /// What holds the runs of a callback to its rule; made if it has none, as of a callback that nothing limits.
    [[nodiscard]] const std::shared_ptr<async::limiter>& limiter_of(std::string_view callback);
    /// What the entry says.
    [[nodiscard]] const ModuleRules& configured() const noexcept { return *rules_; }
    /// The callback's rule with the mode and the share that are in force, which may have been changed since.
    [[nodiscard]] CallbackRule in_force(std::string_view callback) const;
    /// Calls of this callback that its module wasn't asked in, or in shadow mode.
    [[nodiscard]] std::uint64_t not_asked(std::string_view callback) const noexcept;
    /// What came of this callback's calls in shadow mode.
    [[nodiscard]] async::shadow_counts in_shadow(std::string_view callback) const noexcept;
    /// What the breaker of its runs, in the mode that is in force, lets through; none: it has no breaker.
    [[nodiscard]] std::optional<async::breaker_state> breaker(std::string_view callback) const noexcept;

private:
    std::shared_ptr<const ModuleRules> rules_;
    async::clock& time_;
    const async::dispatch_settings& settings_;
    std::shared_ptr<async::call_places> places_;       // of the whole entry; null: none
    std::shared_ptr<async::circuit_breaker> breaker_;  // likewise
    std::shared_ptr<async::call_places> shadow_places_;  // and of its runs in shadow mode
    std::shared_ptr<async::circuit_breaker> shadow_breaker_;
    std::map<std::string, std::shared_ptr<async::limiter>, std::less<>> limiters_;
};

}  // namespace modapi
