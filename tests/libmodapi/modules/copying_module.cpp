#include "traces.h"

#include <modapi/module_api.h>

class CopyingModule {
public:
    CopyingModule(const callbacks::JsonDict&, modapi::ModuleApi&) {}
};

MODAPI_MODULE(CopyingModule)
