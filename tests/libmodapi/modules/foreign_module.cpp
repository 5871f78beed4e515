#include "traces.h"

#include <modapi/module_api.h>

// As a compiler of the future would build it.
#undef MODAPI_ABI_STRING
#define MODAPI_ABI_STRING "modapi abi 99; gcc 47; string abi 1; sanitizer none"

class ForeignModule {
public:
    ForeignModule(const callbacks::JsonDict&, modapi::ModuleApi&) {}
};

MODAPI_MODULE(ForeignModule)
