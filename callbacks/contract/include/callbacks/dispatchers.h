#pragma once

#include <callbacks/account_data.h>
#include <callbacks/account_validity.h>
#include <callbacks/background_update_controller.h>
#include <callbacks/media_repository.h>
#include <callbacks/password_auth_provider.h>
#include <callbacks/presence_router.h>
#include <callbacks/ratelimit.h>
#include <callbacks/rules.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>
#include <callbacks/unsigned.h>

#include <boost/pfr/core.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace callbacks {

/// The host's side of all categories: one dispatcher per callback, called like a function.
///
///     const callbacks::Verdict verdict = co_await hooks.spam_checker.check_event_for_spam(event);
///
/// Thread: one worker. Lifetime: outlives every call; modules' objects outlive it.
struct Dispatchers {
    AccountDataDispatch account_data{};
    AccountValidityDispatch account_validity{};
    UnsignedDispatch unsigned_section{};
    BackgroundUpdateControllerDispatch background_update_controller{};
    MediaRepositoryDispatch media_repository{};
    PasswordAuthProviderDispatch password_auth_provider{};
    PresenceRouterDispatch presence_router{};
    RatelimitDispatch ratelimit{};
    SpamCheckerDispatch spam_checker{};
    ThirdPartyRulesDispatch third_party_rules{};
};

/// Calls `visit(dispatcher, category_name)` for each callback, in the order of their declaration.
template <class AllDispatchers, class Visitor>
void each_callback(AllDispatchers& dispatchers, Visitor&& visit) {
    boost::pfr::for_each_field(dispatchers, [&](auto& category) {
        boost::pfr::for_each_field(
            category, [&](auto& callback) { visit(callback, std::remove_cvref_t<decltype(category)>::category_name); });
    });
}

/// Puts limits on what is registered with this identity and has none: from the next call on, and under the identity that it has.
/// Nothing for an identity that isn't registered.
void limit_registered(Dispatchers& registered, const async::callback_identity& identity,
                      const std::shared_ptr<async::limiter>& limits);

/// From which of its arguments on a callback may be registered without, since an older contract has none there.
struct LaterArgument {
    std::size_t position = ~std::size_t{0};  ///< from 0; greater than all: all of them are as old as the callback
    std::string_view version;                ///< of the contract that has it
};

/// One row of the contract, for tables and the inspector. Static strings.
struct CallbackDescription {
    std::string_view category;
    std::string_view name;
    std::string_view combine_rule;
    std::string_view error_rule;
    bool is_routine;      ///< its decisions are the normal case
    bool can_reject;      ///< a failure can become a denial
    bool can_be_put_off;  ///< a failure can become "try again later"
    bool can_be_shared;   ///< a call says whom it is about, so that a part of the calls can be asked
    bool hides_denial;     ///< no client is to know that a module denied
    bool is_about_an_address;  ///< what it is called with may be an address or a password where others have a user
    std::size_t room_parameter;  ///< the position of a room's id among what it is called with; greater than all: there is none
    bool can_be_shadowed;  ///< it can be asked beside the operation, and its answer compared with what was done
    bool is_called_by_who_serves;  ///< by the process that serves the operation; false: by all, or by the one that does the background work
    std::string_view since;        ///< the first version of the contract that has it
    LaterArgument later_argument;
};
/// All of them, in the order of their declaration.
[[nodiscard]] const std::vector<CallbackDescription>& callback_descriptions();
/// The row of the callback of this name; null: there is none. Cost: a look into a hash table.
[[nodiscard]] const CallbackDescription* description_of(std::string_view callback) noexcept;
/// Whether the callback of this name is declared as one whose decisions are the normal case. Cost: as of description_of.
[[nodiscard]] bool is_routine(std::string_view callback) noexcept;

/// What the contract forbids of a registration: one presence router callback without the other, a controller without on_update,
/// an auth checker whose type has other fields already. Throws RegistrationError. False: nothing is to be registered, since the
/// first background update controller wins as a whole. What isn't named here may always be registered.
[[nodiscard]] bool may_register(const Dispatchers& into, std::string_view module, const BackgroundUpdateController& given);
/// Of an auth checker's type and its fields.
[[nodiscard]] bool may_register(const Dispatchers& into, std::string_view module, const PasswordAuthProvider& given);
/// Of presence router callbacks, both or neither.
[[nodiscard]] bool may_register(const Dispatchers& into, std::string_view module, const PresenceRouter& given);
/// Of all other categories: always.
template <class Category>
[[nodiscard]] bool may_register(const Dispatchers&, std::string_view, const Category&) noexcept {
    return true;
}

/// Adds a module's callbacks of one category, AccountData for example, after those that are registered; what is left out
/// registers nothing.
///
/// Throws RegistrationError, and registers nothing, for what the contract forbids (`may_register`). Returns false, and
/// registers nothing, for a background update controller when there is one. `settings` outlives the dispatchers; null: neither
/// logs nor deadlines. `rules` are what an operator says of this module's callbacks; empty: nothing. `registrant` tells the
/// instances of modules apart, for add_from.
template <class Category>
bool register_callbacks(Dispatchers& into, std::string_view module, const Category& given, async::dispatch_settings* settings,
                        const RulesOf& rules = {}, std::uint64_t registrant = 0) {
    if (!may_register(into, module, given)) return false;
    const auto add = [&](const Category& registered) {
        boost::pfr::for_each_field(into, [&](auto& category) {
            if constexpr (std::remove_cvref_t<decltype(category)>::category_name == Category::category_name) {
                // Slot by slot into dispatcher by dispatcher; the two tables have the same lines.
                boost::pfr::for_each_field(category, [&](auto& dispatcher, auto index) {
                    async::registration how = rules ? rules(dispatcher.callback_name).stands() : async::registration();
                    how.registrant = registrant;
                    dispatcher.add(module, boost::pfr::get<decltype(index)::value>(registered), settings, how);
                });
            }
        });
    };
    if (rules) {
        add(limited(given, rules));
    } else {
        add(given);
    }
    return true;
}

/// Adds all that `registrant` has in `from`, which keeps it, after what is there: with it a new list is made of what stays of an old
/// one. Errors: RegistrationError as of register_callbacks; what was added before stays.
void add_from(Dispatchers& into, const Dispatchers& from, std::uint64_t registrant);
/// Each has what the other had, with one step for all callbacks. Calls that have begun go on with the lists they found, which `other`
/// keeps: it outlives them.
void exchange(Dispatchers& one, Dispatchers& other) noexcept;

}  // namespace callbacks
