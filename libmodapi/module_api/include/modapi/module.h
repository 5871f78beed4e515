#pragma once

#include <modapi/abi.h>
#include <modapi/config_section.h>

#include <async/task.h>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace modapi {

class ModuleApi;

/// What the framework knows of a module class: how its configuration is parsed, how it is prepared, built, started, made ready
/// and stopped, and what it hands on to the instance that takes its place. Made by MODAPI_MODULE or ModuleResolver::add; a
/// module is any class with a constructor (configuration, ModuleApi&). A ModuleLoader makes definitions of modules that aren't a
/// class each.
struct ModuleDefinition {
    /// Calls the class's parse_config, once, before any module is built. What it throws is reported with its place.
    /// `definition` is the one that it is called for: where several have this function, what that carries says which module is
    /// meant. A ModuleLoadError is about the module itself: that its class isn't there, for example.
    std::shared_ptr<const void> (*parse)(const ModuleDefinition& definition, const ConfigSection& config);
    /// Builds one instance; each worker has its own. The parsed configuration is copied into the constructor. Must not wait for
    /// anything: what takes time is for `prepare`, or for start().
    std::shared_ptr<void> (*construct)(const std::shared_ptr<const void>& parsed, ModuleApi& api);
    /// What is awaited before `construct`; null: nothing, as for every class. For a ModuleLoader whose modules take time to be
    /// built, in another process for example: the worker serves meanwhile. It gets what `parse` has returned, and what it gives
    /// itself `construct` gets in the place of that.
    ///
    /// Of all modules of a list, in its order, before the first of them is built. Thread: the worker's. Errors: reported as
    /// those of `construct`. Cancel: by a stop, and after WorkerSettings::start_deadline; like any failure it leaves nothing
    /// behind. What was prepared may not be built after all, where another module fails: what has to be awaited then is a task
    /// in `registrations_of(api).background_calls`, which are cancelled and joined before what it gave is dropped.
    async::task<std::shared_ptr<const void>> (*prepare)(std::shared_ptr<const void> parsed, ModuleApi& api) = nullptr;
    /// Runs the instance's start(); null: the class has none.
    async::task<void> (*start)(void* module) = nullptr;
    /// Runs the instance's stop(); null: the class has none.
    async::task<void> (*stop)(void* module) = nullptr;
    /// Runs the instance's ready(); null: the class has none.
    async::task<void> (*ready)(void* module) = nullptr;
    /// The instance's save(); null: the class has none.
    callbacks::JsonDict (*save)(void* module) = nullptr;
    /// The instance's restore(saved); null: the class has none.
    void (*restore)(void* module, callbacks::JsonDict saved) = nullptr;
    /// As operators are shown it; null: nobody says. Static, or as long-lived as what the definition carries.
    const char* version = nullptr;
    /// Which module it is, for functions that serve several: a name, a handle. Null for a class, whose functions know. Any
    /// thread may read it.
    std::shared_ptr<const void> carried = nullptr;

    /// Whether both are of the same module, with the same code: the same functions, and the same object that they carry.
    bool operator==(const ModuleDefinition&) const = default;
};

namespace detail {

template <class Module>
concept has_parse_config = requires(const ConfigSection& config) {
    Module::parse_config(config);
};

template <class Module>
concept has_start = requires(Module& module) {
    module.start();
};
template <class Module>
concept has_ready = requires(Module& module) {
    module.ready();
};
template <class Module>
concept has_stop = requires(Module& module) {
    module.stop();
};
template <class Module>
concept has_version = requires {
    { Module::version } -> std::convertible_to<const char*>;
};
template <class Module>
concept has_save = requires(Module& module) {
    module.save();
};
template <class Module>
concept has_restore = requires(Module& module, callbacks::JsonDict saved) {
    module.restore(std::move(saved));
};

/// Tells whether a class has a member of one of these names, whatever it is and whoever may use it: the name is ambiguous then
/// in a class that inherits both. Nobody can inherit a final class, which isn't looked at.
struct HasAllNames {
    int parse_config;
    int start;
    int ready;
    int stop;
    int save;
    int restore;
};
template <class Module>
struct AlsoNamed : Module, HasAllNames {};
template <class Module>
concept names_parse_config = !requires {
    &AlsoNamed<Module>::parse_config;
};
template <class Module>
concept names_start = !requires {
    &AlsoNamed<Module>::start;
};
template <class Module>
concept names_ready = !requires {
    &AlsoNamed<Module>::ready;
};
template <class Module>
concept names_stop = !requires {
    &AlsoNamed<Module>::stop;
};
template <class Module>
concept names_save = !requires {
    &AlsoNamed<Module>::save;
};
template <class Module>
concept names_restore = !requires {
    &AlsoNamed<Module>::restore;
};

// A member that bears one of the names and can't be called as the framework does would be passed over without a word.
template <class Module>
concept usable_parse_config = has_parse_config<Module> || std::is_final_v<Module> || !names_parse_config<Module>;
template <class Module>
concept usable_start = has_start<Module> || std::is_final_v<Module> || !names_start<Module>;
template <class Module>
concept usable_ready = has_ready<Module> || std::is_final_v<Module> || !names_ready<Module>;
template <class Module>
concept usable_stop = has_stop<Module> || std::is_final_v<Module> || !names_stop<Module>;
template <class Module>
concept usable_save = has_save<Module> || std::is_final_v<Module> || !names_save<Module>;
template <class Module>
concept usable_restore = has_restore<Module> || std::is_final_v<Module> || !names_restore<Module>;

template <class Result>
concept is_awaited_or_nothing = std::is_void_v<Result> || std::is_same_v<Result, async::task<void>>;

struct CallStart {
    decltype(auto) operator()(auto& module) const { return module.start(); }
};
struct CallReady {
    decltype(auto) operator()(auto& module) const { return module.ready(); }
};
struct CallStop {
    decltype(auto) operator()(auto& module) const { return module.stop(); }
};
/// Calls a module's start(), ready() or stop(), and awaits it if it is a coroutine.
template <class Module, class Call>
async::task<void> call_module(void* module) {
    Module& instance = *static_cast<Module*>(module);
    if constexpr (std::is_void_v<std::invoke_result_t<Call, Module&>>) {
        Call()(instance);
        co_return;
    } else {
        async::task<void> running = Call()(instance);
        co_await std::move(running);
    }
}

template <class Module>
using saved_state = std::remove_cvref_t<decltype(std::declval<Module&>().save())>;
template <class Module>
using result_of_restore = decltype(std::declval<Module&>().restore(std::declval<callbacks::JsonDict>()));

template <class Module>
callbacks::JsonDict call_save(void* module) {
    return static_cast<Module*>(module)->save();
}
template <class Module>
void call_restore(void* module, callbacks::JsonDict saved) {
    static_cast<Module*>(module)->restore(std::move(saved));
}

template <class Module>
auto parse_configuration(const ConfigSection& config) {
    if constexpr (has_parse_config<Module>) {
        return Module::parse_config(config);
    } else if constexpr (std::constructible_from<Module, callbacks::JsonDict, ModuleApi&>) {
        return callbacks::JsonDict(config.values());
    } else {
        return config;
    }
}

/// Stands for a configuration of whatever type.
struct AnyConfiguration {
    template <class Configuration>
    operator Configuration() const;  // NOLINT: implicit, as an argument is
};

/// Whether a module takes what nothing makes: its constructor wants a configuration of its own type, and there is no
/// parse_config.
template <class Module>
concept misses_parse_config = !has_parse_config<Module> && !std::constructible_from<Module, ConfigSection, ModuleApi&> &&
                              !std::constructible_from<Module, callbacks::JsonDict, ModuleApi&> &&
                              std::constructible_from<Module, AnyConfiguration, ModuleApi&>;

template <class Module>
using parsed_configuration = std::remove_cvref_t<decltype(parse_configuration<Module>(std::declval<const ConfigSection&>()))>;

}  // namespace detail

/// The definition of a module class.
///
/// `static Config parse_config(const modapi::ConfigSection&)` is optional; without it the constructor gets the section itself
/// or its JsonDict. The constructor runs on the worker's thread, is not a coroutine, and registers everything the module does.
///
/// What must be awaited before the module can work belongs into `async::task<void> start()`, what needs the other modules into
/// `async::task<void> ready()`, what must be before it ends into `async::task<void> stop()`; all are optional, public, and may
/// be plain `void` functions. On each worker, when all modules are built and before the first request, their start() are
/// awaited in the configuration's order, then their ready() in that order: what a start() makes, a table for example, is there
/// for every ready(), wherever the two modules are listed. One of either that throws or takes too long (60 s unless the host
/// says otherwise) stops the server's start with one line that names the module. Background calls begin after the last ready().
/// stop() is awaited after the last callback and the last background call, in the opposite order, if start() was a success; all
/// modules of a worker have 2 s for it together.
///
/// What an instance holds in memory is lost with it, also where only its configuration changes while the server runs. What is to
/// outlive that it gives as `callbacks::JsonDict save()`, and its successor gets it by `void restore(callbacks::JsonDict)`: both
/// optional, public, plain functions. The new instance's restore() is called with what the old one's save() says just then,
/// after its own start() and before it is asked anything; what the old instance changes after that is lost. The two may be of
/// different versions of the class: restore() reads what it is given as one reads a file. What either throws ends the change, and
/// the old instance goes on. Neither is called when the server starts or stops.
///
/// Operators are shown a module's version: `static constexpr const char* version = "1.2.0";`, public, else the library's `version`,
/// which modapi_add_module takes from the module's project (`project(no_shouting VERSION 1.2.0)`).
template <class Module>
[[nodiscard]] ModuleDefinition definition_of(const char* version = nullptr) noexcept {
    static_assert(detail::usable_parse_config<Module>,
                  "a module's parse_config is public, static and takes a const modapi::ConfigSection&");
    static_assert(detail::usable_start<Module>, "a module's start() is public and takes nothing");
    static_assert(detail::usable_ready<Module>, "a module's ready() is public and takes nothing");
    static_assert(detail::usable_stop<Module>, "a module's stop() is public and takes nothing");
    static_assert(detail::usable_save<Module>, "a module's save() is public and takes nothing");
    static_assert(detail::usable_restore<Module>, "a module's restore() is public and takes a callbacks::JsonDict");
    using Parsed = detail::parsed_configuration<Module>;
    static_assert(!std::is_void_v<Parsed>, "a module's parse_config returns what its constructor takes");
    static_assert(std::copy_constructible<Parsed>, "every worker builds the module from a copy of its parsed configuration");
    static_assert(!detail::misses_parse_config<Module>,
                  "a module whose constructor takes a configuration of a type of its own has a public `static Config "
                  "parse_config(const modapi::ConfigSection&)` that makes it; this one has none");
    static_assert(detail::misses_parse_config<Module> || std::constructible_from<Module, Parsed, ModuleApi&>,
                  "a module has a constructor (configuration, modapi::ModuleApi&); the configuration is what its parse_config "
                  "returns, or a modapi::ConfigSection or callbacks::JsonDict");
    ModuleDefinition definition{[](const ModuleDefinition&, const ConfigSection& config) -> std::shared_ptr<const void> {
                                    return std::make_shared<const Parsed>(detail::parse_configuration<Module>(config));
                                },
                                [](const std::shared_ptr<const void>& parsed, ModuleApi& api) -> std::shared_ptr<void> {
                                    return std::make_shared<Module>(Parsed(*static_cast<const Parsed*>(parsed.get())), api);
                                }};
    if constexpr (detail::has_start<Module>) {
        using Result = std::invoke_result_t<detail::CallStart, Module&>;
        static_assert(detail::is_awaited_or_nothing<Result>, "a module's start() is an async::task<void> or void");
        definition.start = &detail::call_module<Module, detail::CallStart>;
    }
    if constexpr (detail::has_ready<Module>) {
        using Result = std::invoke_result_t<detail::CallReady, Module&>;
        static_assert(detail::is_awaited_or_nothing<Result>, "a module's ready() is an async::task<void> or void");
        definition.ready = &detail::call_module<Module, detail::CallReady>;
    }
    if constexpr (detail::has_stop<Module>) {
        using Result = std::invoke_result_t<detail::CallStop, Module&>;
        static_assert(detail::is_awaited_or_nothing<Result>, "a module's stop() is an async::task<void> or void");
        definition.stop = &detail::call_module<Module, detail::CallStop>;
    }
    if constexpr (detail::has_save<Module>) {
        constexpr bool gives_state = std::is_same_v<detail::saved_state<Module>, callbacks::JsonDict>;
        static_assert(gives_state, "a module's save() returns a callbacks::JsonDict and is no coroutine");
        if constexpr (gives_state) definition.save = &detail::call_save<Module>;
    }
    if constexpr (detail::has_restore<Module>) {
        static_assert(std::is_void_v<detail::result_of_restore<Module>>, "a module's restore() is void and no coroutine");
        definition.restore = &detail::call_restore<Module>;
    }
    definition.version = version;
    if constexpr (detail::has_version<Module>) definition.version = Module::version;
    return definition;
}

}  // namespace modapi

/// The version of a library whose classes don't say theirs, a text; modapi_add_module defines it.
#ifndef MODAPI_MODULE_VERSION
#define MODAPI_MODULE_VERSION nullptr
#endif

/// Exports a module class from its shared library: `MODAPI_MODULE(ListSpamChecker)` at the end of list_spam_checker.cpp makes
/// it `list_spam_checker.ListSpamChecker`. The class is named without namespace; put a using-declaration before it if needed.
#define MODAPI_MODULE(Class)                                                                                         \
    MODAPI_ABI_MARK(Class)                                                                                           \
    extern "C" __attribute__((visibility("default"), used)) const ::modapi::ModuleDefinition modapi_module_##Class = \
        ::modapi::definition_of<Class>(MODAPI_MODULE_VERSION);
