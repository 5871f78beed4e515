// expect-error: a module's restore() is void and no coroutine
#include <modapi/module_api.h>

class Waiting {
public:
    Waiting(callbacks::JsonDict, modapi::ModuleApi&) {}
    async::task<void> restore(callbacks::JsonDict) { co_return; }
};
MODAPI_MODULE(Waiting)
