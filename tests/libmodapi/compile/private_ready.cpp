// expect-error: a module's ready() is public and takes nothing
#include <modapi/module_api.h>

class Secretive {
public:
    Secretive(callbacks::JsonDict, modapi::ModuleApi&) {}

private:
    async::task<void> ready() { co_return; }
};
MODAPI_MODULE(Secretive)
