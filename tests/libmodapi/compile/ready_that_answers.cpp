// expect-error: a module's ready() is an async::task<void> or void
#include <modapi/module_api.h>

class Answering {
public:
    Answering(callbacks::JsonDict, modapi::ModuleApi&) {}
    bool ready() { return true; }
};
MODAPI_MODULE(Answering)
