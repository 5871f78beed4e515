#include "python_callbacks.h"

#include "python_callable.h"

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <boost/pfr/core.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

// --- categories

/// `third-party rules` is `third_party_rules` in the protocol; the events' `unsigned`, a word of C++'s, has a longer name.
template <class Category>
std::string protocol_name() {
    std::string name(Category::category_name);
    std::replace_if(
        name.begin(), name.end(), [](char letter) { return letter == ' ' || letter == '-'; }, '_');
    return name == "unsigned" ? "unsigned_section" : name;
}

template <class Category>
using RegisterCategory = void (ModuleApi::*)(Category);

/// Calls `visit(how to register it)` for each category; its callbacks are the members of what that takes.
template <class Visitor>
void each_category(Visitor&& visit) {
    visit(&ModuleApi::register_account_data_callbacks);
    visit(&ModuleApi::register_account_validity_callbacks);
    visit(&ModuleApi::register_add_extra_fields_to_unsigned_client_event_callbacks);
    visit(&ModuleApi::register_background_update_controller_callbacks);
    visit(&ModuleApi::register_media_repository_callbacks);
    visit(&ModuleApi::register_password_auth_provider_callbacks);
    visit(&ModuleApi::register_presence_router_callbacks);
    visit(&ModuleApi::register_ratelimit_callbacks);
    visit(&ModuleApi::register_spam_checker_callbacks);
    visit(&ModuleApi::register_third_party_rules_callbacks);
}

template <class Signature>
inline constexpr std::size_t argument_count = 0;
template <class R, class... Arguments>
inline constexpr std::size_t argument_count<R(Arguments...)> = sizeof...(Arguments);

/// One member of construct's list.
struct Registration {
    std::string category;
    std::string name;
    std::optional<callbacks::LoginType> key;
};

[[noreturn]] void refuse_list(const std::string& what) {
    throw callbacks::ConfigError("the Python process told of callbacks " + what);
}

std::string text_member(const JsonDict& object, std::string_view name) {
    const JsonValue* const value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) refuse_list("without a text " + std::string(name));
    return std::string(value->get_string());
}

callbacks::LoginType login_type_of(const JsonValue& key) {
    const JsonArray* const parts = key.if_array();
    if (parts == nullptr || parts->size() != 2 || !(*parts)[0].is_string() || !(*parts)[1].is_array())
        refuse_list("with a key that isn't [type, [fields]]");
    std::vector<std::string> fields;
    for (const JsonValue& field : (*parts)[1].get_array()) {
        if (!field.is_string()) refuse_list("with a field of a login that isn't text");
        fields.emplace_back(field.get_string());
    }
    return {std::string((*parts)[0].get_string()), std::move(fields)};
}

Registration registration_in(const JsonValue& described) {
    if (!described.is_object()) refuse_list("that are no objects");
    const JsonDict& object = described.get_object();
    Registration registration{text_member(object, "category"), text_member(object, "name"), std::nullopt};
    const JsonValue* const key = object.if_contains("key");
    if (key != nullptr && !key->is_null()) registration.key = login_type_of(*key);
    return registration;
}

/// Gathers callbacks of one category and registers them: together, as their module did, since some are only taken in pairs; a
/// second one of a name begins anew.
template <class Category>
class GatheredCategory {
public:
    GatheredCategory(ModuleApi& api, RegisterCategory<Category> how) noexcept : api_(api), how_(how) {}

    /// False: the category has no such callback.
    bool add(const Registration& registration, const RegisteredCallback& callback) {
        bool is_known = false;
        boost::pfr::for_each_field(gathered_, [&](auto& slot) {
            if (is_known || slot.callback_name != registration.name) return;
            is_known = true;
            put(slot, registration, callback);
        });
        return is_known;
    }
    void finish() {
        if (is_empty_) return;
        is_empty_ = true;
        (api_.*how_)(std::exchange(gathered_, Category{}));
    }

private:
    template <class Slot>
    void put(Slot& slot, const Registration& registration, RegisteredCallback callback) {
        callback.name = Slot::callback_name;
        if constexpr (requires { slot.entries(); }) {
            using one = typename Slot::one;
            if (!registration.key) refuse_list("named " + registration.name + " without a key");
            auto entries = slot.entries();
            entries.emplace_back(*registration.key, one(PythonCallable<one>(std::move(callback))));
            slot = Slot(std::move(entries));
        } else {
            if (registration.key) refuse_list("named " + registration.name + " with a key");
            if (slot) finish();
            if constexpr (std::is_same_v<Slot, decltype(callbacks::Unsigned::add_field_to_unsigned_callback)>) {
                slot = Slot(PythonFields(std::move(callback)));
            } else {
                slot = Slot(PythonCallable<Slot>(std::move(callback)));
            }
        }
        is_empty_ = false;
    }

    ModuleApi& api_;
    RegisterCategory<Category> how_;
    Category gathered_{};
    bool is_empty_ = true;
};

/// Registers the callbacks of this category from `first` on, as far as they are of it; gives the place of the first that isn't.
template <class Category>
std::size_t register_of(const std::vector<Registration>& all, std::size_t first, const std::string& category,
                        const RegisteredCallback& callback, GatheredCategory<Category> gathered) {
    std::size_t place = first;
    for (; place < all.size() && all[place].category == category; ++place) {
        RegisteredCallback one = callback;
        one.place = place;
        if (!gathered.add(all[place], one)) refuse_list("of the category " + category + " named " + all[place].name);
    }
    gathered.finish();
    return place;
}

}  // namespace

JsonArray declared_callbacks() {
    JsonArray declared;
    each_category([&]<class Category>(RegisterCategory<Category>) {
        Category category{};
        boost::pfr::for_each_field(category, [&](auto& slot) {
            using slot_type = std::remove_cvref_t<decltype(slot)>;
            const std::size_t arguments = [] {
                if constexpr (requires { typename slot_type::one; }) {
                    return argument_count<typename slot_type::one::signature>;
                } else {
                    return argument_count<typename slot_type::signature>;
                }
            }();
            const callbacks::CallbackDescription* const described = callbacks::description_of(slot_type::callback_name);
            const std::size_t least = described != nullptr ? described->later_argument.position : arguments;
            JsonDict row;
            row.emplace("category", protocol_name<Category>());
            row.emplace("name", slot_type::callback_name);
            row.emplace("arguments", arguments);
            row.emplace("least", std::min(least, arguments));
            declared.push_back(std::move(row));
        });
    });
    return declared;
}

void register_python_callbacks(ModuleApi& api, const JsonArray& registered, const std::shared_ptr<PythonCalls>& calls) {
    std::vector<Registration> all;
    all.reserve(registered.size());
    for (const JsonValue& described : registered) all.push_back(registration_in(described));
    const RegisteredCallback callback{calls, 0, {}, &api.logger()};
    std::size_t place = 0;
    while (place < all.size()) {
        const std::size_t before = place;
        each_category([&]<class Category>(RegisterCategory<Category> how) {
            const std::string name = protocol_name<Category>();
            if (place < all.size() && all[place].category == name)
                place = register_of(all, place, name, callback, GatheredCategory<Category>(api, how));
        });
        if (place == before) refuse_list("of an unknown category, " + all[place].category);
    }
}

}  // namespace modapi
