#pragma once

#include <callbacks/json.h>

#include <async/task.h>

#include <memory>
#include <string>

namespace modapi {

class Homeserver;

/// Reads and writes the global account data of local users (contract: `AccountDataManager`). From ModuleApi, whose lifetime and
/// thread it has.
///
/// Errors of both: SynapseError 400 `M_INVALID_PARAM` for what is no user id; std::invalid_argument for a user of another
/// server.
class AccountDataManager {
public:
    explicit AccountDataManager(Homeserver& server) noexcept : server_(server) {}

    /// Null if it isn't set. Nobody can change the answer; copy it to have one of your own.
    [[nodiscard]] async::task<std::shared_ptr<const callbacks::JsonDict>> get_global(std::string user_id,
                                                                                     std::string data_type);
    /// Replaces it; on_account_data_updated runs. Errors: std::invalid_argument also for a user that isn't registered;
    /// SynapseError 405 for `m.push_rules` and `m.fully_read`, which are kept by other means.
    [[nodiscard]] async::task<void> put_global(std::string user_id, std::string data_type, callbacks::JsonDict new_data);

private:
    Homeserver& server_;
};

}  // namespace modapi
