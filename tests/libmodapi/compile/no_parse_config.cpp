// expect-error: parse_config(const modapi::ConfigSection&)` that makes it; this one has none
#include <modapi/module_api.h>

struct Settings {
    bool is_strict = false;
};

class Unread {
public:
    Unread(const Settings&, modapi::ModuleApi&) {}
};
MODAPI_MODULE(Unread)
