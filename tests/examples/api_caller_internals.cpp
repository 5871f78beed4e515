#include "api_caller.h"

#include <modapi/hosting/module_internals.h>

#include <utility>

/// What modules of other languages reach for behind ModuleApi.
namespace api_caller {

namespace {

using modapi::ModuleInternals;

task<JsonValue> get_user_id_by_threepid(Call call) {
    ModuleInternals internals(call.api);
    const std::optional<std::string> user = co_await internals.get_user_id_by_threepid(call.text(0), call.text(1));
    co_return written(user);
}

task<JsonValue> add_threepid(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.add_threepid(call.text(0), call.text(1), call.text(2), call.optional_number(3).value());
    co_return nullptr;
}

task<JsonValue> delete_threepid(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.delete_threepid(call.text(0), call.text(1), call.text(2));
    co_return nullptr;
}

task<JsonValue> user_add_threepid(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.user_add_threepid(call.text(0), call.text(1), call.text(2), call.optional_number(3).value(),
                                         call.optional_number(4).value());
    co_return nullptr;
}

task<JsonValue> user_delete_threepid(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.user_delete_threepid(call.text(0), call.text(1), call.text(2));
    co_return nullptr;
}

task<JsonValue> set_profile_displayname(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.set_profile_displayname(call.text(0), call.optional_text(1));
    co_return nullptr;
}

task<JsonValue> set_profile_avatar_url(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.set_profile_avatar_url(call.text(0), call.optional_text(1));
    co_return nullptr;
}

task<JsonValue> set_avatar_url(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.set_avatar_url(call.text(0), call.text(1));
    co_return nullptr;
}

task<JsonValue> get_latest_event_ids_in_room(Call call) {
    ModuleInternals internals(call.api);
    const std::vector<std::string> ids = co_await internals.get_latest_event_ids_in_room(call.text(0));
    co_return written(ids);
}

task<JsonValue> get_user_by_external_id(Call call) {
    ModuleInternals internals(call.api);
    const std::optional<std::string> user = co_await internals.get_user_by_external_id(call.text(0), call.text(1));
    co_return written(user);
}

task<JsonValue> get_external_ids_by_user(Call call) {
    ModuleInternals internals(call.api);
    const std::vector<std::pair<std::string, std::string>> ids = co_await internals.get_external_ids_by_user(call.text(0));
    JsonArray list;
    for (const auto& [provider, id] : ids) list.emplace_back(provider + " " + id);
    co_return list;
}

task<JsonValue> remove_user_external_id(Call call) {
    ModuleInternals internals(call.api);
    co_await internals.remove_user_external_id(call.text(0), call.text(1), call.text(2));
    co_return nullptr;
}

}  // namespace

std::span<const Method> internal_methods() {
    static constexpr Method methods[] = {
        {"internal.get_user_id_by_threepid", &get_user_id_by_threepid},
        {"internal.add_threepid", &add_threepid},
        {"internal.delete_threepid", &delete_threepid},
        {"internal.user_add_threepid", &user_add_threepid},
        {"internal.user_delete_threepid", &user_delete_threepid},
        {"internal.set_profile_displayname", &set_profile_displayname},
        {"internal.set_profile_avatar_url", &set_profile_avatar_url},
        {"internal.set_avatar_url", &set_avatar_url},
        {"internal.get_latest_event_ids_in_room", &get_latest_event_ids_in_room},
        {"internal.get_user_by_external_id", &get_user_by_external_id},
        {"internal.get_external_ids_by_user", &get_external_ids_by_user},
        {"internal.remove_user_external_id", &remove_user_external_id},
    };
    return methods;
}

}  // namespace api_caller
