#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

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
    return environment_.server.push().send_http_push_notification(UserID(std::move(user_id)), std::move(device_id),
                                                                  std::move(content), std::move(tweaks).value_or(JsonDict()),
                                                                  std::move(default_payload).value_or(JsonDict()));
}

void ModuleApi::check_push_rule_actions(const callbacks::JsonArray& actions) const {
    for (const JsonValue& action : actions) {
        if (!is_push_action(action))
            throw callbacks::InvalidRuleException("no push rule may have the action " + boost::json::serialize(action));
    }
}

task<void> ModuleApi::set_push_rule_action(std::string user_id, std::string scope, std::string kind, std::string rule_id,
                                           callbacks::JsonArray actions) {
    UserID user(std::move(user_id));
    if (scope != "global") throw std::runtime_error("push rules have the scope global, not " + scope);
    check_push_rule_actions(actions);
    return environment_.server.push().set_push_rule_action(std::move(user), std::move(kind), std::move(rule_id),
                                                           std::move(actions));
}

}  // namespace modapi
