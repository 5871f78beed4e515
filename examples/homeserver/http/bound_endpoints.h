#pragma once

#include "http/router.h"
#include "http/services.h"

#include <async/task.h>

#include <cstddef>
#include <vector>

namespace homeserver {

/// A router's endpoints, bound to the services of one worker.
///
/// Thread: that worker's.
class BoundEndpoints {
public:
    /// Both outlive it. Errors: std::logic_error that names the endpoint and the service if there is none of a type that an
    /// endpoint asks for: the server doesn't start.
    BoundEndpoints(const Router& router, const Services& services);

    [[nodiscard]] const Router& router() const noexcept { return router_; }
    /// Answers a request by the endpoint that `match` found. Both outlive the task. Cost: that of the call; nothing is looked
    /// up.
    [[nodiscard]] async::task<modapi::Response> answer(const Router::Match& match, const RoutedRequest& request) const {
        return (*match.endpoint)(request, services_.data() + first_service_[match.index]);
    }

private:
    const Router& router_;
    std::vector<void*> services_;             // of all endpoints, one after the other
    std::vector<std::size_t> first_service_;  // by the endpoint's index
};

}  // namespace homeserver
