// expect-error: a module's save() is public and takes nothing
#include <modapi/module_api.h>

class Demanding {
public:
    Demanding(callbacks::JsonDict, modapi::ModuleApi&) {}
    callbacks::JsonDict save(modapi::ModuleApi&) { return {}; }
};
MODAPI_MODULE(Demanding)
