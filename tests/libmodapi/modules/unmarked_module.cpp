#include "traces.h"

extern "C" __attribute__((visibility("default"))) int modapi_module_UnmarkedModule() { return 0; }
