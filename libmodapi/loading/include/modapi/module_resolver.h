#pragma once

// Stands in <modapi/hosting/module_resolver.h> now.
#include <modapi/hosting/module_resolver.h>
