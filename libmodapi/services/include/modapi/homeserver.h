#pragma once

// Stands in <modapi/hosting/homeserver.h> now.
#include <modapi/hosting/homeserver.h>
