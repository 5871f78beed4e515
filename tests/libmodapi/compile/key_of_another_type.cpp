// expect-error: an invalidation names every part of the cached function's key, by values of their types
#include <modapi/module_api.h>

async::task<void> forget(modapi::ModuleApi& api, async::cached<int(int)>& pages) {
    const std::string page = "3";
    co_await api.invalidate_cache(pages, page);
}
