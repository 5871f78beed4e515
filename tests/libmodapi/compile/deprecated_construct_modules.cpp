// expect-warning: construct_modules(modules)
#include <modapi/worker.h>

void construct(modapi::ModuleHost& host, const modapi::ConfigurationFile& file, std::vector<modapi::ConfiguredModule> modules) {
    host.construct_modules(file, std::move(modules));
}
