#pragma once

// Stands in <modapi/hosting/module_host.h> now.
#include <modapi/hosting/worker.h>
