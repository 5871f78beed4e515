#include <modapi/hosting/invalidation_bus.h>

namespace modapi {

template class InProcessWorkerBus<CacheInvalidation>;

}  // namespace modapi
