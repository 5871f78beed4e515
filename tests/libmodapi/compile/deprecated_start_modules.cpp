// expect-warning: start_modules()
#include <modapi/worker.h>

async::task<void> start(modapi::ModuleHost& host, const modapi::ConfigurationFile& file) { return host.start_modules(file); }
