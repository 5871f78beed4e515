#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/account_validity.h>

#include <async/bind.h>
#include <async/context.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace hostile {

[[noreturn]] void block() {
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
}

/// What the library's own static object does; set by a configuration before the end, by the environment at the load.
struct StaticObject {
    StaticObject() {
        const char* const what = std::getenv("HOSTILE_LIBRARY");
        if (what == nullptr) return;
        if (std::string(what) == "throw") throw std::runtime_error("no library today");
        if (std::string(what) == "crash") ::raise(SIGSEGV);
        if (std::string(what) == "block") block();
    }
    ~StaticObject() {
        if (blocks) block();
    }
    bool blocks = false;
};
StaticObject static_object;

void block_at_exit() { block(); }

struct ThreadLocalObject {
    ~ThreadLocalObject() {
        if (blocks) block();
    }
    bool blocks = false;
};
thread_local ThreadLocalObject thread_local_object;

/// What doesn't hear that it is cut.
struct NeverResumed {
    void bind_context(const async::context&) const noexcept {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};

struct ThrowsInDestructor {
    ~ThrowsInDestructor() noexcept(false) { throw std::runtime_error("no end"); }
};

/// A test's module that does to the process what modules must not do. What, its configuration says; when it serves, who asks.
class Hostile {
public:
    static callbacks::JsonDict parse_config(const modapi::ConfigSection& config) {
        if (config.value_or<std::string>("parse", "") == "block") block();
        return config.values();
    }
    Hostile(callbacks::JsonDict config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
        callbacks::AccountValidity validity;
        validity.is_user_expired = async::bind<&Hostile::is_user_expired>(this);
        api.register_account_validity_callbacks(std::move(validity));
        act(how("constructor"));
        if (how("signals") == "ignore") ignore_signals();
        if (how("signals") == "handle") handle_signals();
        static_object.blocks = how("exit") == "static object";
        if (how("exit") == "handler") std::atexit(&block_at_exit);
    }
    ~Hostile() { act(how("destructor")); }
    Hostile(const Hostile&) = delete;
    Hostile& operator=(const Hostile&) = delete;

    async::task<void> start() {
        if (how("start") == "wait and go on") {
            NeverResumed never;
            co_await never;
        }
        act(how("start"));
    }
    async::task<void> stop() {
        act(how("stop"));
        co_return;
    }

private:
    static void ignore_signals() {
        ::signal(SIGTERM, SIG_IGN);
        ::signal(SIGINT, SIG_IGN);
    }
    static void handle_signals() {
        ::signal(SIGTERM, [](int) {});
        ::signal(SIGINT, [](int) {});
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
    }
    /// From now on this process gets no page more, and uses up what it has.
    static void take_all_memory() {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_AS, &none);
        std::size_t size = std::size_t{1} << 24;
        while (size >= 16) {
            if (std::malloc(size) == nullptr) size /= 2;
        }
    }
    static void recurse(volatile int* depth) {
        volatile int deeper[256] = {*depth + 1};
        if (*depth >= 0) recurse(deeper);
        *depth = deeper[0];
    }
    [[gnu::noinline]] static void fail() { throw std::runtime_error("no catch"); }
    static void fail_without_exceptions() noexcept { fail(); }
    __attribute__((no_sanitize("undefined", "address"))) static void crash() { *crash_here = 1; }

    [[nodiscard]] std::string how(std::string_view key) const {
        const callbacks::JsonValue* const value = config_.if_contains(key);
        return value != nullptr ? std::string(value->as_string()) : std::string();
    }
    static void act(const std::string& what) {
        if (what == "block") block();
        if (what == "abort") std::abort();
        if (what == "crash") crash();
        if (what == "recurse") {
            volatile int depth = 0;
            recurse(&depth);
        }
        if (what == "noexcept") fail_without_exceptions();
        if (what == "destructor that throws") {
            try {
                const ThrowsInDestructor thrower;
                throw 1;
            } catch (int) {  // NOLINT: it doesn't come to that
            }
        }
        if (what == "throw 42") throw 42;
        if (what == "terminate") std::terminate();
        if (what == "exit") std::exit(0);
        if (what == "thread that throws") std::thread([] { throw std::runtime_error("no thread"); }).join();
        if (what == "ignore signals") ignore_signals();
        if (what == "thread local") thread_local_object.blocks = true;
        if (what == "no memory") {
            take_all_memory();
            if (::write(STDERR_FILENO, said_without_memory.data(), said_without_memory.size()) < 0) std::abort();
            block();
        }
        if (what == "close everything") {
            for (int file = 0; file < 1024; ++file) ::close(file);
        }
    }
    /// What it does depends on who asks: "@crash", "@abort", ...
    async::task<std::optional<bool>> is_user_expired(const std::string& user) {
        std::string what = user.substr(1, user.find(':') - 1);
        for (char& character : what) {
            if (character == '_') character = ' ';
        }
        act(what);
        if (what == "defer") co_await api_.defer_to_thread(&block);
        co_return std::nullopt;
    }

    static constexpr std::string_view said_without_memory = "there is no memory left\n";
    static inline int* volatile crash_here = nullptr;

    callbacks::JsonDict config_;
    modapi::ModuleApi& api_;
};

}  // namespace hostile

using hostile::Hostile;
MODAPI_MODULE(Hostile)
