// expect-error: a module's parse_config is public, static and takes a const modapi::ConfigSection&
#include <modapi/module_api.h>

class Unparsed {
public:
    Unparsed(callbacks::JsonDict, modapi::ModuleApi&) {}
    callbacks::JsonDict parse_config(const modapi::ConfigSection& config) { return config.values(); }
};
MODAPI_MODULE(Unparsed)
