#include "checked_arguments.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/storable_json.h>

#include <boost/json/serialize.hpp>

#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using async::task;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::UserID;

bool is_push_action(const JsonValue& action) {
    if (action.is_object()) return action.get_object().contains("set_tweak");
    return action == "notify" || action == "dont_notify" || action == "coalesce";
}

}  // namespace

task<std::map<std::string, bool>> ModuleApi::send_http_push_notification(std::string user_id,
                                                                         std::optional<std::string> device_id, JsonDict content,
                                                                         std::optional<JsonDict> tweaks,
                                                                         std::optional<JsonDict> default_payload) {
    modapi::refuse_in_shadow(co_await async::this_context, "send_http_push_notification");
    UserID user = parsed_user(std::move(user_id));
    require_text(device_id, "device_id");
    JsonDict with_tweaks = std::move(tweaks).value_or(JsonDict());
    JsonDict payload = std::move(default_payload).value_or(JsonDict());
    for (const JsonDict* const given : {&content, &with_tweaks, &payload}) callbacks::require_storable(*given);
    task<std::map<std::string, bool>> sending = environment_.server.push().send_http_push_notification(
        std::move(user), std::move(device_id), std::move(content), std::move(with_tweaks), std::move(payload));
    co_return co_await std::move(sending);
}

void ModuleApi::check_push_rule_actions(const callbacks::JsonArray& actions) const {
    for (const JsonValue& action : actions) {
        if (!is_push_action(action))
            throw callbacks::InvalidRuleException("no push rule may have the action " + boost::json::serialize(action));
    }
}

task<void> ModuleApi::set_push_rule_action(std::string user_id, std::string scope, std::string kind, std::string rule_id,
                                           callbacks::JsonArray actions) {
    modapi::refuse_in_shadow(co_await async::this_context, "set_push_rule_action");
    UserID user = local_user(std::move(user_id), server_name());
    if (scope != "global") throw std::runtime_error("push rules have the scope global, not " + scope);
    check_push_rule_actions(actions);
    for (const JsonValue& action : actions) callbacks::require_storable_value(action);
    require_text(kind, "kind");
    require_text(rule_id, "rule_id");
    task<void> setting = environment_.server.push().set_push_rule_action(std::move(user), std::move(kind), std::move(rule_id),
                                                                         std::move(actions));
    co_await std::move(setting);
}

}  // namespace modapi
