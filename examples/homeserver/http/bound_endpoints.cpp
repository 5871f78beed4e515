#include "http/bound_endpoints.h"

#include <stdexcept>

namespace homeserver {

BoundEndpoints::BoundEndpoints(const Router& router, const Services& services) : router_(router) {
    for (const Router::Added& added : router.endpoints()) {
        first_service_.push_back(services_.size());
        for (const ServiceKind& kind : added.endpoint.needs()) {
            void* const service = services.find(kind);
            if (service == nullptr) {
                throw std::logic_error("the endpoint " + added.method + " " + added.pattern + " asks for a " + kind.name() +
                                       ", which nobody offers");
            }
            services_.push_back(service);
        }
    }
}

}  // namespace homeserver
