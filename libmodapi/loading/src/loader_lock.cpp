#include "loader_lock.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace modapi {

void release_loader_lock() noexcept {
#if defined(__GLIBC__)
    // glibc has no function for it. The lock is a recursive mutex somewhere in this object of its own.
    auto* const state = static_cast<std::byte*>(::dlsym(RTLD_DEFAULT, "_rtld_global"));
    Dl_info found{};
    void* entry = nullptr;
    if (state == nullptr || ::dladdr1(state, &found, &entry, RTLD_DL_SYMENT) == 0 || entry == nullptr) return;
    const auto* const symbol = static_cast<const ElfW(Sym)*>(entry);
    const auto self = static_cast<int>(::gettid());
    for (std::size_t at = 0; at + sizeof(pthread_mutex_t) <= symbol->st_size; at += alignof(pthread_mutex_t)) {
        auto* const mutex = reinterpret_cast<pthread_mutex_t*>(state + at);  // NOLINT: there is no type to have it by
        const __pthread_mutex_s& content = mutex->__data;
        const bool is_ours = content.__owner == self && content.__kind == PTHREAD_MUTEX_RECURSIVE && content.__lock != 0;
        while (is_ours && content.__owner == self && content.__count > 0) ::pthread_mutex_unlock(mutex);
    }
#endif
}

}  // namespace modapi
