#pragma once

// Stands in <modapi/hosting/worker.h> now.
#include <modapi/hosting/worker.h>
