#pragma once

#include <callbacks/account_data.h>
#include <callbacks/account_validity.h>
#include <callbacks/background_update_controller.h>
#include <callbacks/password_auth_provider.h>
#include <callbacks/presence_router.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>
#include <callbacks/unsigned.h>

#include <boost/pfr/core.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace callbacks {

/// The host's side of all eight categories: one dispatcher per callback, called like a function.
///
///     const callbacks::Verdict verdict = co_await hooks.spam_checker.check_event_for_spam(event);
///
/// Thread: one worker. Lifetime: outlives every call; modules' objects outlive it.
struct Dispatchers {
    AccountDataDispatch account_data{};
    AccountValidityDispatch account_validity{};
    UnsignedDispatch unsigned_section{};
    BackgroundUpdateControllerDispatch background_update_controller{};
    PasswordAuthProviderDispatch password_auth_provider{};
    PresenceRouterDispatch presence_router{};
    SpamCheckerDispatch spam_checker{};
    ThirdPartyRulesDispatch third_party_rules{};
};

/// Calls `visit(dispatcher, category_name)` for each of the forty callbacks, in the order of their declaration.
template <class AllDispatchers, class Visitor>
void each_callback(AllDispatchers& dispatchers, Visitor&& visit) {
    boost::pfr::for_each_field(dispatchers, [&](auto& category) {
        boost::pfr::for_each_field(
            category, [&](auto& callback) { visit(callback, std::remove_cvref_t<decltype(category)>::category_name); });
    });
}

/// One row of the contract, for tables and the inspector. Static strings.
struct CallbackDescription {
    std::string_view category;
    std::string_view name;
    std::string_view combine_rule;
    std::string_view error_rule;
};
/// All forty, in the order of their declaration.
[[nodiscard]] const std::vector<CallbackDescription>& callback_descriptions();

/// Adds a module's callbacks behind those that are registered; what is left out registers nothing.
///
/// Throws RegistrationError, and registers nothing, for what the contract forbids: one presence router callback without the
/// other, a controller without on_update, an auth checker whose type has other fields already. Returns false, and registers
/// nothing, for a background update controller when there is one: the first module wins as a whole.
/// `settings` outlives the dispatchers; null: neither logs nor deadlines.
void register_callbacks(Dispatchers& into, std::string_view module, const AccountData& given,
                        async::dispatch_settings* settings);
void register_callbacks(Dispatchers& into, std::string_view module, const AccountValidity& given,
                        async::dispatch_settings* settings);
void register_callbacks(Dispatchers& into, std::string_view module, const Unsigned& given, async::dispatch_settings* settings);
[[nodiscard]] bool register_callbacks(Dispatchers& into, std::string_view module, const BackgroundUpdateController& given,
                                      async::dispatch_settings* settings);
void register_callbacks(Dispatchers& into, std::string_view module, const PasswordAuthProvider& given,
                        async::dispatch_settings* settings);
void register_callbacks(Dispatchers& into, std::string_view module, const PresenceRouter& given,
                        async::dispatch_settings* settings);
void register_callbacks(Dispatchers& into, std::string_view module, const SpamChecker& given,
                        async::dispatch_settings* settings);
void register_callbacks(Dispatchers& into, std::string_view module, const ThirdPartyRules& given,
                        async::dispatch_settings* settings);

}  // namespace callbacks
