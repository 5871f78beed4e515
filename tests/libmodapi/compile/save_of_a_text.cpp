// expect-error: a module's save() returns a callbacks::JsonDict and is no coroutine
#include <modapi/module_api.h>

class Textual {
public:
    Textual(callbacks::JsonDict, modapi::ModuleApi&) {}
    std::string save() { return "{}"; }
};
MODAPI_MODULE(Textual)
