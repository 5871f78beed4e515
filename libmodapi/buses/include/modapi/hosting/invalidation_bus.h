#pragma once

#include <modapi/hosting/worker_bus.h>

#include <string>
#include <vector>

namespace modapi {

/// What travels between workers: a cached function and the key that is no longer valid.
struct CacheInvalidation {
    std::string function;          ///< `module name.function name`
    std::vector<std::string> key;  ///< its parts as strings
};

/// Carries invalidations from one worker to all the others.
using InvalidationBus = WorkerBus<CacheInvalidation>;
using InProcessInvalidationBus = InProcessWorkerBus<CacheInvalidation>;
extern template class InProcessWorkerBus<CacheInvalidation>;

}  // namespace modapi
