#include <callbacks/dispatchers.h>

#include <callbacks/errors.h>
#include <callbacks/ruling.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace callbacks {

namespace {

std::string list_of(const std::vector<std::string>& names) {
    std::string list = "(";
    for (const std::string& name : names) {
        if (list.size() > 1) list += ", ";
        list += "'" + name + "'";
    }
    return list + ")";
}

template <class Combine>
constexpr LaterArgument later_argument_of() noexcept {
    if constexpr (requires { Combine::argument_version; }) {
        return {Combine::least_arguments, Combine::argument_version};
    } else {
        return {};
    }
}

[[noreturn]] void refuse_checker(const LoginType& wanted, const std::string& holder, const LoginType& registered) {
    throw RegistrationError("tried to register an auth checker for login type " + wanted.type + " with fields " +
                            list_of(wanted.fields) + ", but module " + holder + " registered that type with fields " +
                            list_of(registered.fields));
}

/// A login type has one list of fields.
void refuse_if_known_otherwise(const PasswordAuthProviderDispatch& registered, const LoginType& wanted) {
    registered.auth_checkers.each_key([&](const LoginType& known, const auto& list) {
        if (known.type != wanted.type || known == wanted) return;
        std::string holder;
        list.each_registration([&](const async::callback_identity& identity) {
            if (holder.empty()) holder = identity.module;
        });
        refuse_checker(wanted, holder, known);
    });
}

/// Looks at what other modules registered and at the given list itself.
void refuse_conflicting_checkers(const PasswordAuthProviderDispatch& registered, std::string_view module,
                                 const PasswordAuthProvider& given) {
    const auto& entries = given.auth_checkers.entries();
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
        const LoginType& wanted = entry->first;
        refuse_if_known_otherwise(registered, wanted);
        for (auto earlier = entries.begin(); earlier != entry; ++earlier) {
            if (earlier->first.type == wanted.type && !(earlier->first == wanted)) {
                refuse_checker(wanted, std::string(module), earlier->first);
            }
        }
    }
}

}  // namespace

const std::vector<CallbackDescription>& callback_descriptions() {
    static const std::vector<CallbackDescription> descriptions = [] {
        std::vector<CallbackDescription> rows;
        Dispatchers dispatchers;
        each_callback(dispatchers, [&](const auto& callback, std::string_view category) {
            using dispatcher = std::remove_cvref_t<decltype(callback)>;
            using combine_rule = typename dispatcher::combine_rule;
            using may_be = what_may_be_ruled<typename dispatcher::slot_type>;
            rows.push_back({category, dispatcher::callback_name, combine_rule::name, dispatcher::error_rule::name,
                            is_routine_rule<combine_rule>, may_be::rejected, may_be::put_off, may_be::shared,
                            is_unseen_rule<combine_rule>, is_about_an_address_rule<combine_rule>,
                            room_parameter<combine_rule>, may_be::shadowed,
                            !is_told_everywhere_rule<combine_rule> && !detail::has_one_answerer<combine_rule>,
                            combine_rule::first_version, later_argument_of<combine_rule>()});
        });
        return rows;
    }();
    return descriptions;
}

const CallbackDescription* description_of(std::string_view callback) noexcept {
    static const std::unordered_map<std::string_view, const CallbackDescription*> by_name = [] {
        std::unordered_map<std::string_view, const CallbackDescription*> rows;
        for (const CallbackDescription& row : callback_descriptions()) rows.emplace(row.name, &row);
        return rows;
    }();
    const auto found = by_name.find(callback);
    return found != by_name.end() ? found->second : nullptr;
}

bool is_routine(std::string_view callback) noexcept {
    const CallbackDescription* const described = description_of(callback);
    return described != nullptr && described->is_routine;
}

bool may_register(const Dispatchers& into, std::string_view, const BackgroundUpdateController& given) {
    if (given.on_update) return into.background_update_controller.on_update.empty();
    if (!given.default_batch_size && !given.min_batch_size) return true;
    throw RegistrationError("registered a background update controller without on_update, which is required");
}

bool may_register(const Dispatchers& into, std::string_view module, const PasswordAuthProvider& given) {
    refuse_conflicting_checkers(into.password_auth_provider, module, given);
    return true;
}

bool may_register(const Dispatchers&, std::string_view, const PresenceRouter& given) {
    if (static_cast<bool>(given.get_users_for_states) == static_cast<bool>(given.get_interested_users)) return true;
    throw RegistrationError(
        "PresenceRouter modules must register neither or both of the paired callbacks: "
        "[get_users_for_states, get_interested_users]");
}

void add_from(Dispatchers& into, const Dispatchers& from, std::uint64_t registrant) {
    from.password_auth_provider.auth_checkers.each_key([&](const LoginType& wanted, const auto& list) {
        if (list.has(registrant)) refuse_if_known_otherwise(into.password_auth_provider, wanted);
    });
    boost::pfr::for_each_field(into, [&](auto& category, auto of_category) {
        const auto& source = boost::pfr::get<decltype(of_category)::value>(from);
        boost::pfr::for_each_field(category, [&](auto& callback, auto of_callback) {
            callback.add_from(boost::pfr::get<decltype(of_callback)::value>(source), registrant);
        });
    });
}

void exchange(Dispatchers& one, Dispatchers& other) noexcept {
    boost::pfr::for_each_field(one, [&](auto& category, auto of_category) {
        auto& of_other = boost::pfr::get<decltype(of_category)::value>(other);
        boost::pfr::for_each_field(category, [&](auto& callback, auto of_callback) {
            callback.exchange(boost::pfr::get<decltype(of_callback)::value>(of_other));
        });
    });
}

}  // namespace callbacks
