#pragma once

#include "push/pushers.h"

#include <modapi/http_client.h>

#include <callbacks/json.h>

#include <async/task.h>

namespace homeserver {

enum class PushOutcome {
    accepted,
    rejected,  ///< the gateway knows nobody by that key; the pusher is removed
    failed     ///< no gateway, no answer in time, or another one than it should be
};

/// Tells push gateways of notifications (Matrix push gateway API). Through the block list of outgoing HTTP; ten seconds for
/// each. One object per worker. Thread: the worker's.
class PushGateway {
public:
    /// `settings`: how outgoing HTTP is sent.
    PushGateway(modapi::Database& database, modapi::HttpClientSettings settings);

    /// Sends `notification` with the pusher as its one device. `default_payload` is merged over the stored one. What goes wrong
    /// is logged, without what is in it.
    [[nodiscard]] async::task<PushOutcome> notify(Pusher pusher, callbacks::JsonDict notification, callbacks::JsonDict tweaks,
                                                  callbacks::JsonDict default_payload);

private:
    [[nodiscard]] async::task<PushOutcome> post(const Pusher& pusher, callbacks::JsonDict notification);

    modapi::Database& database_;
    modapi::HttpClient client_;
};

}  // namespace homeserver
