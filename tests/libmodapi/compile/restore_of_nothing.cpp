// expect-error: a module's restore() is public and takes a callbacks::JsonDict
#include <modapi/module_api.h>

class Forgetful {
public:
    Forgetful(callbacks::JsonDict, modapi::ModuleApi&) {}
    void restore() {}
};
MODAPI_MODULE(Forgetful)
