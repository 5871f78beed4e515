#include "traces.h"

#include <modapi/module_api.h>

/// Differs from its like by how it is built.
class MarkedModule {
public:
    MarkedModule(const callbacks::JsonDict&, modapi::ModuleApi&) {}
};

MODAPI_MODULE(MarkedModule)
