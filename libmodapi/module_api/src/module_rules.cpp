#include <modapi/hosting/module_rules.h>

#include <utility>

namespace modapi {

namespace {

std::shared_ptr<async::call_places> places_of(const CallbackRule& rule) {
    return rule.max_concurrent ? std::make_shared<async::call_places>(*rule.max_concurrent) : nullptr;
}

std::shared_ptr<async::circuit_breaker> breaker_of(const CallbackRule& rule) {
    return rule.breaker ? std::make_shared<async::circuit_breaker>(*rule.breaker) : nullptr;
}

}  // namespace

ModuleLimits::ModuleLimits(std::shared_ptr<const ModuleRules> rules, async::clock& time,
                           const async::dispatch_settings& settings)
    : rules_(std::move(rules)),
      time_(time),
      settings_(settings),
      places_(places_of(rules_->of_entry)),
      breaker_(breaker_of(rules_->of_entry)),
      shadow_places_(places_of(rules_->of_entry)),
      shadow_breaker_(breaker_of(rules_->of_entry)) {}

callbacks::CallbackRules ModuleLimits::of(std::string_view callback) {
    const CallbackRule& rule = rules_->of(callback);
    callbacks::CallbackRules ruled;
    ruled.order = rule.order;
    if (rule.limits() || limiters_.contains(callback)) ruled.limits = limiter_of(callback);
    return ruled;
}

const std::shared_ptr<async::limiter>& ModuleLimits::limiter_of(std::string_view callback) {
    std::shared_ptr<async::limiter>& limiter = limiters_[std::string(callback)];
    if (limiter == nullptr) {
        const CallbackRule& rule = rules_->of(callback);
        async::call_limits limits;
        limits.deadline = rule.deadline;
        limits.on_failure = rule.on_failure;
        limits.mode = rule.mode;
        limits.share = rule.share;
        limits.places = rule.has_own_places ? places_of(rule) : places_;
        limits.breaker = rule.has_own_breaker ? breaker_of(rule) : breaker_;
        limits.shadow_places = rule.has_own_places ? places_of(rule) : shadow_places_;
        limits.shadow_breaker = rule.has_own_breaker ? breaker_of(rule) : shadow_breaker_;
        limiter = std::make_shared<async::limiter>(std::move(limits), time_, &settings_);
    }
    return limiter;
}

CallbackRule ModuleLimits::in_force(std::string_view callback) const {
    CallbackRule rule = rules_->of(callback);
    const auto found = limiters_.find(callback);
    if (found == limiters_.end()) return rule;
    rule.mode = found->second->limits().mode;
    rule.share = found->second->limits().share;
    return rule;
}

std::uint64_t ModuleLimits::not_asked(std::string_view callback) const noexcept {
    const auto found = limiters_.find(callback);
    return found != limiters_.end() ? found->second->not_asked() : 0;
}

async::shadow_counts ModuleLimits::in_shadow(std::string_view callback) const noexcept {
    const auto found = limiters_.find(callback);
    return found != limiters_.end() ? found->second->in_shadow() : async::shadow_counts();
}

std::optional<async::breaker_state> ModuleLimits::breaker(std::string_view callback) const noexcept {
    const auto found = limiters_.find(callback);
    if (found == limiters_.end()) return std::nullopt;
    const async::call_limits& limits = found->second->limits();
    const std::shared_ptr<async::circuit_breaker>& breaker =
        found->second->is_in_shadow() ? limits.shadow_breaker : limits.breaker;
    if (breaker == nullptr) return std::nullopt;
    return breaker->state();
}

}  // namespace modapi
