#pragma once

// Stands in <modapi/hosting/background_updater.h> now.
#include <modapi/hosting/background_updater.h>
