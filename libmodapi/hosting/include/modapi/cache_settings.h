#pragma once

// Stands in <modapi/hosting/cache_settings.h> now.
#include <modapi/hosting/cache_settings.h>
