#pragma once

// Stands in <modapi/hosting/watchdog.h> now.
#include <modapi/hosting/watchdog.h>
