#pragma once

// Stands in <modapi/hosting/invalidation_bus.h> now.
#include <modapi/hosting/invalidation_bus.h>
