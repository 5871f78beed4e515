#include "module_services/module_push.h"

#include "accounts/accounts.h"
#include "push/push_gateway.h"
#include "push/rule_endpoints.h"

#include <callbacks/errors.h>

#include <utility>
#include <vector>

namespace homeserver {

using async::task;
using callbacks::JsonDict;

task<std::map<std::string, bool>> ModulePush::send_http_push_notification(callbacks::UserID user,
                                                                          std::optional<std::string> device_id,
                                                                          JsonDict content, JsonDict tweaks,
                                                                          JsonDict default_payload) {
    std::map<std::string, bool> accepted;
    std::vector<Pusher> pushers = co_await database_.read("pushers_of", &pushers_of, user.to_string());
    for (Pusher& pusher : pushers) {
        if (!pusher.device_id || (device_id && *device_id != *pusher.device_id)) continue;
        const std::string device = *pusher.device_id;
        const PushOutcome outcome = co_await push_gateway_.notify(std::move(pusher), content, tweaks, default_payload);
        accepted[device] = outcome == PushOutcome::accepted;
    }
    co_return accepted;
}

task<void> ModulePush::set_push_rule_action(callbacks::UserID user, std::string kind, std::string rule_id,
                                            callbacks::JsonArray actions) {
    const std::string user_id = user.to_string();
    const bool exists = co_await user_exists(database_, user_id);
    if (!exists) throw callbacks::RuleNotFoundException("there is no user " + user_id);
    co_await set_rule_actions(database_, notifier_, user_id, std::move(kind), std::move(rule_id), std::move(actions));
}

}  // namespace homeserver
