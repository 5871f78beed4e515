#include "api_caller.h"

#include <map>
#include <utility>

namespace api_caller {

namespace {

task<JsonValue> send_http_push_notification(Call call) {
    std::optional<JsonDict> tweaks;
    if (call.has(3)) tweaks = call.object(3);
    std::optional<JsonDict> payload;
    if (call.has(4)) payload = call.object(4);
    const std::map<std::string, bool> accepted = co_await call.api.send_http_push_notification(
        call.text(0), call.optional_text(1), call.object(2), std::move(tweaks), std::move(payload));
    JsonDict found;
    for (const auto& [device_id, was_accepted] : accepted) found[device_id] = was_accepted;
    co_return found;
}

task<JsonValue> check_push_rule_actions(Call call) {
    call.api.check_push_rule_actions(call.args.at(0).as_array());
    co_return nullptr;
}

task<JsonValue> set_push_rule_action(Call call) {
    co_await call.api.set_push_rule_action(call.text(0), call.text(1), call.text(2), call.text(3), call.args.at(4).as_array());
    co_return nullptr;
}

constexpr Method push_method_table[] = {
    {"send_http_push_notification", &send_http_push_notification},
    {"check_push_rule_actions", &check_push_rule_actions},
    {"set_push_rule_action", &set_push_rule_action},
};

}  // namespace

std::span<const Method> push_methods() { return push_method_table; }

}  // namespace api_caller
