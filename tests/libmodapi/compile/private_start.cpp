// expect-error: a module's start() is public and takes nothing
#include <modapi/module_api.h>

class Hidden {
public:
    Hidden(callbacks::JsonDict, modapi::ModuleApi&) {}

private:
    async::task<void> start() { co_return; }
};
MODAPI_MODULE(Hidden)
