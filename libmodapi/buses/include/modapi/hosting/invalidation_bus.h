#pragma once

#include <modapi/cache_invalidation.h>
#include <modapi/hosting/worker_bus.h>

namespace modapi {

/// Carries invalidations from one worker to all the others.
using InvalidationBus = WorkerBus<CacheInvalidation>;
/// The one between workers of one process.
using InProcessInvalidationBus = InProcessWorkerBus<CacheInvalidation>;
extern template class InProcessWorkerBus<CacheInvalidation>;

}  // namespace modapi
