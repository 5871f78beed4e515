// expect-warning: modapi::ModuleHost
#include <modapi/background_updater.h>
#include <modapi/cache_settings.h>
#include <modapi/configuration.h>
#include <modapi/homeserver.h>
#include <modapi/invalidation_bus.h>
#include <modapi/module_resolver.h>
#include <modapi/module_statistics.h>
#include <modapi/watchdog.h>
#include <modapi/worker.h>

// What an old host is made of, from the headers' old names alone.
struct OldHost {
    const modapi::ConfigurationFile& file;
    modapi::Homeserver& homeserver;
    modapi::InProcessInvalidationBus bus;
    modapi::ModuleResolver resolver;
    modapi::CacheSettings caches;
    modapi::WorkerSettings settings;
    modapi::Watchdog watchdog;
    std::vector<modapi::ModuleStatistics> statistics;
    modapi::BackgroundUpdateSettings updates;
    modapi::Worker& worker;
};
