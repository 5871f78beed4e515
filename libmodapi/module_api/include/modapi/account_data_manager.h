#pragma once

#include <modapi/worker_place.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <memory>
#include <string>

namespace modapi {

class Homeserver;

/// Reads and writes the global account data of local users (contract: `AccountDataManager`). From ModuleApi, whose lifetime and
/// thread it has.
///
/// Errors of both: SynapseError 400 `M_INVALID_PARAM` for what is no user id; ForeignUserError. Thrown at the await.
class AccountDataManager {
public:
    explicit AccountDataManager(Homeserver& server, WorkerPlace worker = WorkerPlace()) noexcept
        : server_(server), worker_(worker) {}

    /// Null if it isn't set. Nobody can change the answer; copy it to have one of your own.
    [[nodiscard]] async::task<std::shared_ptr<const callbacks::JsonDict>> get_global(std::string user_id,
                                                                                     std::string data_type);
    /// Replaces it; on_account_data_updated runs. Errors: std::invalid_argument for a user of this server that isn't
    /// registered, and for a type that is no text; SynapseError 400 `M_BAD_JSON` for text that isn't UTF-8, 405 for
    /// `m.push_rules` and `m.fully_read`, which are kept by other means.
    [[nodiscard]] async::task<void> put_global(std::string user_id, std::string data_type, callbacks::JsonDict new_data);

private:
    Homeserver& server_;
    WorkerPlace worker_;
};

}  // namespace modapi
