#include <modapi/hosting/module_code.h>

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace modapi {

namespace {

constexpr std::size_t max_noted = 256;
constexpr std::size_t max_name = 256;
constexpr std::size_t handlers_stack_size = std::size_t{64} * 1024;

void copy_name(std::array<char, max_name>& into, std::string_view name) noexcept {
    const std::size_t size = std::min(name.size(), into.size() - 1);
    std::copy_n(name.begin(), size, into.begin());
    into[size] = '\0';
}

struct NotedLibrary {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::array<char, max_name> file{};
};

std::array<NotedLibrary, max_noted> libraries;
std::atomic<std::size_t> library_count{0};

}  // namespace

struct WorkerOnThread::Entry {
    static constexpr pid_t nobody = 0;
    static constexpr pid_t being_written = -1;

    std::atomic<pid_t> thread{nobody};
    std::atomic<const async::running_callback_mark*> mark{nullptr};
    std::array<char, max_name> worker{};

    [[nodiscard]] module_code::OnThread read() const noexcept {
        module_code::OnThread on;
        on.worker = worker.data();
        const async::running_callback_mark* const of_worker = mark.load(std::memory_order_acquire);
        if (of_worker != nullptr) on.callback = of_worker->identity().load(std::memory_order_relaxed);
        return on;
    }
    static std::array<Entry, max_noted> all;
};

std::array<WorkerOnThread::Entry, max_noted> WorkerOnThread::Entry::all;

WorkerOnThread::WorkerOnThread(std::string_view worker, const async::running_callback_mark& mark) {
    for (Entry& entry : Entry::all) {
        pid_t nobody = Entry::nobody;
        if (!entry.thread.compare_exchange_strong(nobody, Entry::being_written)) continue;
        copy_name(entry.worker, worker);
        entry.mark.store(&mark, std::memory_order_release);
        entry.thread.store(::gettid(), std::memory_order_release);
        entry_ = &entry;
        break;
    }
    stack_t present{};
    if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;  // a sanitizer's, for instance
    handlers_stack_ = std::make_unique<char[]>(handlers_stack_size);
    stack_t own{};
    own.ss_sp = handlers_stack_.get();
    own.ss_size = handlers_stack_size;
    ::sigaltstack(&own, nullptr);
}

WorkerOnThread::~WorkerOnThread() {
    if (handlers_stack_ != nullptr) {
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        ::sigaltstack(&none, nullptr);
    }
    if (entry_ == nullptr) return;
    entry_->mark.store(nullptr, std::memory_order_release);
    entry_->thread.store(Entry::nobody, std::memory_order_release);
}

namespace module_code {

namespace {

/// What a signal came in between: the next instruction, and the end of the stack that is in use.
struct Interrupted {
    std::uintptr_t instruction = 0;
    std::uintptr_t stack = 0;
};

Interrupted interrupted(const void* context) noexcept {
    Interrupted at;
    const mcontext_t& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    at.instruction = static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
    at.stack = static_cast<std::uintptr_t>(machine.gregs[REG_RSP]);
#elif defined(__aarch64__)
    at.instruction = machine.pc;
    at.stack = machine.sp;
#elif defined(__riscv)
    at.instruction = machine.__gregs[REG_PC];
    at.stack = machine.__gregs[REG_SP];
#else
#error "say where this processor's instruction and stack pointers are"
#endif
    return at;
}

}  // namespace

void note_library(const std::filesystem::path& file, void* handle) noexcept {
    const std::size_t index = library_count.load(std::memory_order_relaxed);
    link_map* map = nullptr;
    if (index == libraries.size() || ::dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return;
    NotedLibrary& noted = libraries[index];
    struct Wanted {
        std::uintptr_t address;
        NotedLibrary& into;
    } wanted{map->l_addr, noted};
    const auto look = [](dl_phdr_info* loaded, std::size_t, void* with) {
        auto& [address, into] = *static_cast<Wanted*>(with);
        if (loaded->dlpi_addr != address) return 0;
        for (int header = 0; header < loaded->dlpi_phnum; ++header) {
            const ElfW(Phdr)& segment = loaded->dlpi_phdr[header];
            if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
            into.begin = address + segment.p_vaddr;
            into.end = into.begin + segment.p_memsz;
        }
        return 1;
    };
    dl_iterate_phdr(look, &wanted);
    copy_name(noted.file, file.native());
    library_count.store(index + 1, std::memory_order_release);
}

const char* library_at(std::uintptr_t instruction) noexcept {
    const std::size_t count = library_count.load(std::memory_order_acquire);
    for (std::size_t index = 0; index < count; ++index) {
        const NotedLibrary& library = libraries[index];
        if (library.begin <= instruction && instruction < library.end) return library.file.data();
    }
    return nullptr;
}

const char* library_on_stack(std::uintptr_t from) noexcept {
    constexpr std::size_t words_at_once = 256;
    constexpr std::size_t max_stack = std::size_t{8} * 1024 * 1024;
    std::array<std::uintptr_t, words_at_once> words;
    from &= ~(sizeof(std::uintptr_t) - 1);
    for (std::size_t read = 0; read < max_stack; read += sizeof(words)) {
        // The kernel reads it, for which the end of the stack is an end and no crash.
        iovec into{words.data(), sizeof(words)};
        iovec stack{reinterpret_cast<void*>(from + read), sizeof(words)};  // NOLINT: it is an address
        const ssize_t size = ::process_vm_readv(::getpid(), &into, 1, &stack, 1, 0);
        if (size <= 0) break;
        const std::size_t count = static_cast<std::size_t>(size) / sizeof(std::uintptr_t);
        for (std::size_t index = 0; index < count; ++index) {
            if (const char* const library = library_at(words[index])) return library;
        }
        if (count < words_at_once) break;
    }
    return nullptr;
}

const char* library_interrupted(const void* context) noexcept {
    const Interrupted at = interrupted(context);
    const char* const library = library_at(at.instruction);
    return library != nullptr ? library : library_on_stack(at.stack);
}

OnThread on_thread(pid_t thread) noexcept {
    OnThread last;
    for (const WorkerOnThread::Entry& entry : WorkerOnThread::Entry::all) {
        if (entry.thread.load(std::memory_order_acquire) != thread) continue;
        last = entry.read();
        if (last.callback != nullptr) break;
    }
    return last;
}

void each_worker(void (*visit)(void* with, const OnThread& on), void* with) noexcept {
    for (const WorkerOnThread::Entry& entry : WorkerOnThread::Entry::all) {
        if (entry.thread.load(std::memory_order_acquire) > WorkerOnThread::Entry::nobody) visit(with, entry.read());
    }
}

}  // namespace module_code
}  // namespace modapi
