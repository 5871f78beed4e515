// expect-error: a module's save() returns a callbacks::JsonDict and is no coroutine
#include <modapi/module_api.h>

class Waiting {
public:
    Waiting(callbacks::JsonDict, modapi::ModuleApi&) {}
    async::task<callbacks::JsonDict> save() { co_return callbacks::JsonDict(); }
};
MODAPI_MODULE(Waiting)
