// expect-error: a background call is f(args...) with the arguments that stand after the time
#include <modapi/module_api.h>

#include <string>

void clean_up(const std::string&) {}

void repeat(modapi::ModuleApi& api) { api.looping_background_call(&clean_up, 1000.0); }
