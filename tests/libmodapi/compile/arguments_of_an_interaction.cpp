// expect-error: an interaction's function is called as function(modapi::Transaction&, args...)
#include <modapi/module_api.h>

#include <string>

void store(modapi::Transaction&, const std::string&) {}

async::task<void> remember(modapi::ModuleApi& api) { co_await api.run_db_interaction("remember", &store, 3, 4); }
