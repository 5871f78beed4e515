#include "library_memory.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace modapi {

namespace {

struct WholePages {
    std::uintptr_t begin;
    std::uintptr_t end;

    [[nodiscard]] void* address() const noexcept { return reinterpret_cast<void*>(begin); }  // NOLINT: it is an address
    [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

std::uintptr_t page_down(std::uintptr_t address) noexcept {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    return address / page * page;
}
std::uintptr_t page_up(std::uintptr_t address) noexcept {
    return page_down(address + static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)) - 1);
}

int protection_of(ElfW(Word) flags) noexcept {
    int protection = PROT_NONE;
    if ((flags & PF_R) != 0) protection |= PROT_READ;
    if ((flags & PF_W) != 0) protection |= PROT_WRITE;
    if ((flags & PF_X) != 0) protection |= PROT_EXEC;
    return protection;
}

/// Of what is in memory and not in the file: a debugger's breakpoints and what the loader has written stay. By system calls
/// themselves: in a sanitizer's functions it would be memory that is new, and what lies between objects not to be read.
void replace_by_copy(const WholePages& pages, ElfW(Word) flags, const char* name) noexcept {
    // A file, if one of memory: a system may forbid to run what was written anywhere else.
    const int copy = ::memfd_create(name, MFD_CLOEXEC);
    if (copy < 0) return;
    const long written = ::syscall(SYS_pwrite64, copy, pages.address(), pages.size(), 0);
    if (written == static_cast<long>(pages.size()))
        ::syscall(SYS_mmap, pages.address(), pages.size(), protection_of(flags), MAP_PRIVATE | MAP_FIXED, copy, 0);
    ::close(copy);
}

int replace_segments(dl_phdr_info* loaded, std::size_t, void* wanted) {
    if (loaded->dlpi_addr != *static_cast<const ElfW(Addr)*>(wanted)) return 0;
    const char* const slash = std::strrchr(loaded->dlpi_name, '/');
    const char* const name = slash != nullptr ? slash + 1 : loaded->dlpi_name;  // as /proc/PID/maps shows it
    for (int header = 0; header < loaded->dlpi_phnum; ++header) {
        const ElfW(Phdr)& segment = loaded->dlpi_phdr[header];
        const std::uintptr_t begin = loaded->dlpi_addr + segment.p_vaddr;
        // Behind what is in the file there are zeros that no file has.
        const WholePages pages{page_down(begin), page_up(begin + segment.p_filesz)};
        if (segment.p_type == PT_LOAD && segment.p_filesz != 0) replace_by_copy(pages, segment.p_flags, name);
    }
    for (int header = 0; header < loaded->dlpi_phnum; ++header) {
        const ElfW(Phdr)& segment = loaded->dlpi_phdr[header];
        if (segment.p_type != PT_GNU_RELRO) continue;
        const std::uintptr_t begin = loaded->dlpi_addr + segment.p_vaddr;
        const WholePages pages{page_down(begin), page_down(begin + segment.p_memsz)};
        if (pages.size() != 0) static_cast<void>(::mprotect(pages.address(), pages.size(), PROT_READ));
    }
    return 1;
}

}  // namespace

void keep_in_memory(void* handle) noexcept {
    link_map* map = nullptr;
    if (::dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return;
    ElfW(Addr) address = map->l_addr;
    dl_iterate_phdr(&replace_segments, &address);
}

}  // namespace modapi
