#include <callbacks/dispatchers.h>

#include <utility>

namespace callbacks {

namespace {

/// Slot by slot into dispatcher by dispatcher; the two tables have the same lines.
template <class Slots, class Category>
void add_each(Category& into, std::string_view module, const Slots& given, async::dispatch_settings* settings) {
    boost::pfr::for_each_field(into, [&](auto& dispatcher, auto index) {
        dispatcher.add(module, boost::pfr::get<decltype(index)::value>(given), settings);
    });
}

std::string list_of(const std::vector<std::string>& names) {
    std::string list = "(";
    for (const std::string& name : names) {
        if (list.size() > 1) list += ", ";
        list += "'" + name + "'";
    }
    return list + ")";
}

[[noreturn]] void refuse_checker(const LoginType& wanted, const std::string& holder, const LoginType& registered) {
    throw RegistrationError("tried to register an auth checker for login type " + wanted.type + " with fields " +
                            list_of(wanted.fields) + ", but module " + holder + " registered that type with fields " +
                            list_of(registered.fields));
}

/// A login type has one list of fields. Looks at what other modules registered and at the given list itself.
void refuse_conflicting_checkers(const PasswordAuthProviderDispatch& registered, std::string_view module,
                                 const PasswordAuthProvider& given) {
    const auto& entries = given.auth_checkers.entries();
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
        const LoginType& wanted = entry->first;
        registered.auth_checkers.each_key([&](const LoginType& known, const auto& list) {
            if (known.type != wanted.type || known == wanted) return;
            std::string holder;
            list.each_registration([&](const async::callback_identity& identity) {
                if (holder.empty()) holder = identity.module;
            });
            refuse_checker(wanted, holder, known);
        });
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
            rows.push_back({category, dispatcher::callback_name, dispatcher::combine_rule::name, dispatcher::error_rule::name});
        });
        return rows;
    }();
    return descriptions;
}

void register_callbacks(Dispatchers& into, std::string_view module, const AccountData& given,
                        async::dispatch_settings* settings) {
    add_each(into.account_data, module, given, settings);
}

void register_callbacks(Dispatchers& into, std::string_view module, const AccountValidity& given,
                        async::dispatch_settings* settings) {
    add_each(into.account_validity, module, given, settings);
}

void register_callbacks(Dispatchers& into, std::string_view module, const Unsigned& given, async::dispatch_settings* settings) {
    add_each(into.unsigned_section, module, given, settings);
}

bool register_callbacks(Dispatchers& into, std::string_view module, const BackgroundUpdateController& given,
                        async::dispatch_settings* settings) {
    if (!given.on_update) {
        if (!given.default_batch_size && !given.min_batch_size) return true;
        throw RegistrationError("registered a background update controller without on_update, which is required");
    }
    if (!into.background_update_controller.on_update.empty()) return false;
    add_each(into.background_update_controller, module, given, settings);
    return true;
}

void register_callbacks(Dispatchers& into, std::string_view module, const PasswordAuthProvider& given,
                        async::dispatch_settings* settings) {
    refuse_conflicting_checkers(into.password_auth_provider, module, given);
    add_each(into.password_auth_provider, module, given, settings);
}

void register_callbacks(Dispatchers& into, std::string_view module, const PresenceRouter& given,
                        async::dispatch_settings* settings) {
    if (static_cast<bool>(given.get_users_for_states) != static_cast<bool>(given.get_interested_users)) {
        throw RegistrationError(
            "PresenceRouter modules must register neither or both of the paired callbacks: "
            "[get_users_for_states, get_interested_users]");
    }
    add_each(into.presence_router, module, given, settings);
}

void register_callbacks(Dispatchers& into, std::string_view module, const SpamChecker& given,
                        async::dispatch_settings* settings) {
    add_each(into.spam_checker, module, given, settings);
}

void register_callbacks(Dispatchers& into, std::string_view module, const ThirdPartyRules& given,
                        async::dispatch_settings* settings) {
    add_each(into.third_party_rules, module, given, settings);
}

}  // namespace callbacks
