#pragma once

#include <callbacks/users.h>

#include <modapi/database.h>

#include <optional>
#include <string>
#include <vector>

/// The end of devices and tokens: all that ends with one ends in the same transaction. Every function is for use inside one;
/// Sessions::tell_logged_out follows it.
namespace homeserver {

/// A token that is gone.
struct RemovedToken {
    std::optional<std::string> device_id;
    std::string access_token;
};
using RemovedTokens = std::vector<RemovedToken>;

/// Ends one session: its device with all its tokens, or the token alone if it has no device.
[[nodiscard]] RemovedTokens remove_session(modapi::Transaction& transaction, const callbacks::Requester& requester);

/// Removes devices of a user.
[[nodiscard]] RemovedTokens remove_devices(modapi::Transaction& transaction, const std::string& user_id,
                                           const std::vector<std::string>& device_ids);

/// Removes all devices of a user with their tokens, and the tokens without device, which come last; all but `kept_device`.
[[nodiscard]] RemovedTokens remove_all_sessions(modapi::Transaction& transaction, const std::string& user_id,
                                                const std::optional<std::string>& kept_device);

}  // namespace homeserver
