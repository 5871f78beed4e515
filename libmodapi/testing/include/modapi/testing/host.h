#pragma once

#include <modapi/testing/answer.h>
#include <modapi/testing/events.h>
#include <modapi/testing/fake_homeserver.h>
#include <modapi/testing/json.h>
#include <modapi/testing/scripted_http.h>

#include <modapi/database.h>
#include <modapi/hosting/module_host.h>
#include <modapi/module.h>
#include <modapi/module_api.h>

#include <async/callback_frame.h>
#include <async/scope.h>
#include <async/testing/virtual_time.h>

#include <array>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A module's unit tests, without a server: a worker as in the real host, around it a homeserver, a network and a time that the
/// test makes up. Not for hosts: nothing of it is linked into one.
namespace modapi::testing {

/// Runs a module, or several.
///
///     modapi::testing::Host host;
///     host.server.add_user("@alice:example.org");
///     host.load<ForbiddenWords>("{words: [spam]}");
///     const callbacks::Event event = modapi::testing::message("@alice:example.org", "!hall:example.org", "spam");
///     EXPECT_TRUE(is_spam(host.call(host.hooks().spam_checker.check_event_for_spam, event), "M_FORBIDDEN"));
///
/// Callbacks are asked through the real dispatcher: combining and error rules apply. Time is virtual: it only passes in
/// `advance`, and where a task of `run`, `call` or `request` waits for nothing else. The database is an SQLite in memory. What
/// is logged while it lives goes to `log()`. Thread: the test's.
class Host {
public:
    Host();
    /// A worker with these settings: a name, a callback deadline, ...
    explicit Host(WorkerSettings settings);
    ~Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    FakeHomeserver server;  ///< what the module finds; may be changed at any time
    ScriptedHttp http;      ///< what its http_client reaches

    /// Parses the configuration (the text of the entry's `config:` in YAML), builds the module and awaits its start(). Once.
    /// Errors: ConfigurationError as in the server: place and key.
    template <class Module>
    Module& load(std::string_view config = "{}") {
        return load_named<Module>("test.Module", config);
    }
    /// Loads a module under its real name, which messages have. Once, instead of `load`.
    template <class Module>
    Module& load_named(std::string name, std::string_view config = "{}") {
        add<Module>(std::move(name), config);
        load_added();
        return module<Module>();
    }

    /// One of several modules, of different classes, in the order of the list in a server's configuration; load_added() builds
    /// and starts them, instead of `load`.
    ///
    ///     host.add<Censor>("example.Censor");
    ///     host.add<MembersOnly>("example.MembersOnly", "{rooms: ['!hall:example.org']}");
    ///     host.load_added();
    ///     EXPECT_EQ(host.module<MembersOnly>().asked(), 0);
    template <class Module>
    void add(std::string name, std::string_view config = "{}") {
        add_entry(std::move(name), definitions<Module>().front(), config);
    }
    /// Errors: ConfigurationError as in the server: place and key.
    void load_added();
    /// Loads modules that were read as a host reads them, instead of `load`: for programs that have a module's library and not its
    /// class, and a file whose places errors are to have. Those whose `run_on` names another process than `main` aren't built.
    ///
    ///     modapi::ModuleResolver resolver({"build/modules"});
    ///     host.load_configured(modapi::configure_modules(file, resolver, warn));
    ///
    /// Errors: ConfigurationError as in the server; nothing is loaded then.
    void load_configured(const std::vector<ConfiguredModule>& modules);
    /// Has a new instance take the place of the loaded one, as in a server whose operator changes its configuration or library: its
    /// start() is awaited, its restore() gets what the old one's save() says, and the old one's stop() is awaited where nothing of
    /// it is under way any more. Errors: ConfigurationError as in the server; nothing has changed then.
    ///
    ///     host.load<Censor>("{words: [spam]}");
    ///     Censor& next = host.replace<Censor>("{words: [spam, eggs]}");
    template <class Module>
    Module& replace(std::string_view config = "{}") {
        Module* const before = built<Module>;
        try {
            replace_entry(definitions<Module>(), config);
        } catch (...) {
            built<Module> = before;
            throw;
        }
        return module<Module>();
    }
    /// The module of that class, which was built last. Valid until `stop`, or until another one takes its place.
    template <class Module>
    [[nodiscard]] Module& module() {
        return *built<Module>;
    }

    /// From now on callbacks of all loaded modules run for what a module does by ModuleApi, as in a host: set_displayname asks
    /// on_profile_update, create_and_send_event_into_room check_event_allowed, check_event_for_spam and on_new_event. They may
    /// refuse, or replace the event. What a host runs behind its answer (on_new_event, a deleted room's callbacks) runs with
    /// run_ready() or the next task. docs/testing.md has the list. Without it none run.
    void run_callbacks_for_module_calls() noexcept;

    [[nodiscard]] callbacks::Dispatchers& hooks() noexcept;
    /// Asks a callback, like a function with the dispatcher in front of its arguments. Errors: UnscriptedRequest, also where
    /// the module caught what its client threw; of `run`, `request` and `advance` too.
    template <class Dispatcher, class... Arguments>
    requires std::invocable<const Dispatcher&, Arguments...>
    auto call(const Dispatcher& callback, Arguments&&... arguments) {
        using Result = typename Dispatcher::result;
        using Value = typename Answer<Result>::Value;
        std::string name(Dispatcher::callback_name);
        std::optional<Value> value;
        std::exception_ptr error;
        try {
            if constexpr (std::is_void_v<Result>) {
                time_.run(callback(std::forward<Arguments>(arguments)...));
                value.emplace();
            } else {
                value.emplace(time_.run(callback(std::forward<Arguments>(arguments)...)));
            }
        } catch (...) {
            error = std::current_exception();
        }
        http.require_all_scripted();
        return error ? Answer<Result>(std::move(name), std::move(error)) : Answer<Result>(std::move(name), std::move(*value));
    }

    /// A request to the module's web resource; 404 `M_UNRECOGNIZED` where it has none. `target`: path and query,
    /// percent-encoded.
    Response request(const std::string& method, const std::string& target, std::string body = {},
                     const std::string& access_token = {});

    /// Runs a task to its end; gives its result or throws its exception.
    template <class T>
    T run(async::task<T> task) {
        if constexpr (std::is_void_v<T>) {
            time_.run(std::move(task));
            http.require_all_scripted();
        } else {
            T result = time_.run(std::move(task));
            http.require_all_scripted();
            return result;
        }
    }
    /// Starts a task and lets the test go on.
    template <class T>
    [[nodiscard]] async::testing::started<T> start(async::task<T> task) {
        return time_.start(std::move(task));
    }
    /// Lets time pass: background calls run, sleepers wake.
    void advance(async::clock::duration length) {
        time_.advance(length);
        http.require_all_scripted();
    }
    /// Runs whatever is ready, without time passing.
    void run_ready() { time_.run_ready(); }
    /// Cancels what the test started and the module's background calls, awaits its stop() and destroys it.
    void stop();

    [[nodiscard]] std::string log() const;
    [[nodiscard]] Database& database() noexcept { return *database_; }
    [[nodiscard]] ModuleHost& worker() noexcept { return *worker_; }
    /// What another worker's invalidations come by.
    [[nodiscard]] InvalidationBus& bus() noexcept { return bus_; }

private:
    class Log;
    /// An entry of the configuration's list.
    struct Entry {
        std::string name;
        ModuleDefinition definition;
        std::string config;  ///< in YAML
    };
    /// Two of a class that do the same: with the other one an instance is a new one, whatever its configuration says.
    using Definitions = std::array<ModuleDefinition, 2>;

    template <class Module>
    static inline Module* built = nullptr;

    template <class Module, int Which>
    static std::shared_ptr<void> build(const std::shared_ptr<const void>& parsed, ModuleApi& api) {
        std::shared_ptr<void> made = definition_of<Module>().construct(parsed, api);
        built<Module> = static_cast<Module*>(made.get());
        return made;
    }
    template <class Module>
    static Definitions definitions() {
        Definitions both = {definition_of<Module>(), definition_of<Module>()};
        both[0].construct = &build<Module, 0>;
        both[1].construct = &build<Module, 1>;
        return both;
    }

    void end_background();
    void add_entry(std::string name, const ModuleDefinition& definition, std::string_view config);
    void replace_entry(const Definitions& of_class, std::string_view config);
    [[nodiscard]] std::vector<ConfiguredModule> read_entries();

    std::unique_ptr<Log> log_;
    async::running_callback_mark on_stack_;
    async::testing::simulation time_{on_stack_};
    BlockingThreads threads_{WorkerSettings::usual_blocking_threads};
    InProcessInvalidationBus bus_;
    std::unique_ptr<Database> database_;
    std::unique_ptr<ModuleHost> worker_;
    async::scope background_;  ///< callbacks that a host runs behind its answer
    ModuleResolver resolver_;
    std::vector<Entry> entries_;
    bool was_loaded_ = false;
    bool is_running_ = false;
};

}  // namespace modapi::testing
