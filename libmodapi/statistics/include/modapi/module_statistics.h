#pragma once

// Stands in <modapi/hosting/module_statistics.h> now.
#include <modapi/hosting/module_statistics.h>
