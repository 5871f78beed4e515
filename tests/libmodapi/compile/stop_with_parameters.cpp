// expect-error: a module's stop() is public and takes nothing
#include <modapi/module_api.h>

class Demanding {
public:
    Demanding(callbacks::JsonDict, modapi::ModuleApi&) {}
    async::task<void> stop(modapi::ModuleApi&) { co_return; }
};
MODAPI_MODULE(Demanding)
