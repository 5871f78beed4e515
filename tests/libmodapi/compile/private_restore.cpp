// expect-error: a module's restore() is public and takes a callbacks::JsonDict
#include <modapi/module_api.h>

class Secretive {
public:
    Secretive(callbacks::JsonDict, modapi::ModuleApi&) {}

private:
    void restore(callbacks::JsonDict) {}
};
MODAPI_MODULE(Secretive)
