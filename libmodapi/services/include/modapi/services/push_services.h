#pragma once

#include <callbacks/identifiers.h>
#include <callbacks/json.h>

#include <async/task.h>

#include <map>
#include <optional>
#include <string>

namespace modapi {

/// What a host does with pushes for ModuleApi: its methods of the same name say what each does and throws.
///
/// A host overrides what it offers; the rest throws ServiceNotOffered. Thread: the worker's.
///
/// ModuleApi has checked before: the user of a rule is of this server, its scope is `global`, its actions are such that a rule
/// may have; JSON is UTF-8 and at most callbacks::max_stored_nesting levels deep. What only the host can check: whether the
/// user is there and has such a rule (RuleNotFoundException), which pushers there are.
class PushServices {
public:
    virtual ~PushServices() = default;

    /// By device id, whether its gateway accepted. No tweaks and no payload are empty objects.
    [[nodiscard]] virtual async::task<std::map<std::string, bool>> send_http_push_notification(
        callbacks::UserID user, std::optional<std::string> device_id, callbacks::JsonDict content, callbacks::JsonDict tweaks,
        callbacks::JsonDict default_payload);
    /// The rule is in the scope `global`; the actions are such that a rule may have.
    [[nodiscard]] virtual async::task<void> set_push_rule_action(callbacks::UserID user, std::string kind, std::string rule_id,
                                                                 callbacks::JsonArray actions);
};

}  // namespace modapi
