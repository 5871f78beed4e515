#pragma once

// Stands in <modapi/hosting/configuration.h> now.
#include <modapi/hosting/configuration.h>
