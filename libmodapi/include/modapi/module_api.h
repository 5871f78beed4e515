#pragma once

#include <modapi/config_section.h>
#include <modapi/database.h>
#include <modapi/http_client.h>
#include <modapi/module.h>
#include <modapi/schema_migration.h>
#include <modapi/web_resource.h>

#include <callbacks/dispatchers.h>

#include <async/bind.h>
#include <async/cached.h>
#include <async/callable.h>
#include <async/observation.h>
#include <async/run_on.h>
#include <async/sleep.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace modapi {

class Worker;

/// A background call that was asked for; may be dropped. `cancel` keeps it from starting, and cuts it if it runs.
class DelayedCall {
public:
    struct State;
    explicit DelayedCall(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
    void cancel();

private:
    std::shared_ptr<State> state_;
};

/// What a module is handed: one object per module and worker, with the contract's method names.
///
/// Lifetime: outlives the module. Thread: the worker's; none of its methods blocks. Registration belongs into the
/// constructor. Asynchronous methods return a task to await; one await per statement, arguments named (README, "GCC 12").
class ModuleApi {
public:
    ModuleApi(Worker& worker, std::string module_name);
    ~ModuleApi();
    ModuleApi(const ModuleApi&) = delete;
    ModuleApi& operator=(const ModuleApi&) = delete;

    // Registration (contract: "Registering a callback"). Every slot takes a coroutine or a plain function.
    void register_account_data_callbacks(callbacks::AccountData callbacks);
    void register_account_validity_callbacks(callbacks::AccountValidity callbacks);
    void register_add_extra_fields_to_unsigned_client_event_callbacks(callbacks::Unsigned callbacks);
    /// The first module to register wins as a whole; later ones are ignored with a warning. on_update is required.
    void register_background_update_controller_callbacks(callbacks::BackgroundUpdateController callbacks);
    void register_password_auth_provider_callbacks(callbacks::PasswordAuthProvider callbacks);
    /// Both callbacks or neither.
    void register_presence_router_callbacks(callbacks::PresenceRouter callbacks);
    void register_spam_checker_callbacks(callbacks::SpamChecker callbacks);
    void register_third_party_rules_callbacks(callbacks::ThirdPartyRules callbacks);

    /// Serves `path` and everything below it. Only during construction. The first module to claim a path keeps it.
    void register_web_resource(std::string path, std::shared_ptr<WebResource> resource);

    /// Announces a cached function, so that invalidations reach the same function in other workers. `function` is a member
    /// of the module and lives as long as it does. Errors: RegistrationError for a second function of that name.
    void register_cached_function(async::cached_function& function);
    /// Drops the entry for these arguments here at once, and in all other workers soon. The argument types are checked at
    /// compile time. Errors: std::logic_error for a function that wasn't registered.
    template <class R, class... Parts, class... Key>
    [[nodiscard]] async::task<void> invalidate_cache(async::cached<R(Parts...)>& function, Key... key) {
        static_assert(sizeof...(Key) == sizeof...(Parts), "an invalidation names every part of the cached function's key");
        require_registered(function);
        function.invalidate(key...);
        publish_invalidation(function, function.key_text(key...));
        co_return;
    }

    /// `alice` becomes `@alice:server`; what starts with `@` is left as it is.
    [[nodiscard]] std::string get_qualified_user_id(std::string_view username) const;
    /// Whether an identifier belongs to this server: what is behind its first colon.
    [[nodiscard]] bool is_mine(std::string_view identifier) const noexcept;
    [[nodiscard]] const std::string& server_name() const noexcept;
    [[nodiscard]] const std::string& public_baseurl() const noexcept;
    /// None on the main worker.
    [[nodiscard]] const std::optional<std::string>& worker_name() const noexcept;
    /// Name of this module in the configuration.
    [[nodiscard]] const std::string& module_name() const noexcept { return module_name_; }
    /// Writes to the host's log, with the module's name.
    [[nodiscard]] spdlog::logger& logger() noexcept;
    /// This module's own: what it lets through with `allow` stays its affair.
    [[nodiscard]] HttpClient& http_client() noexcept { return http_client_; }

    /// Sends an event as a local user: keys type, room_id, sender, content, and state_key for state. Goes through
    /// check_event_allowed and check_event_for_spam like any other: mind recursion.
    [[nodiscard]] async::task<callbacks::Event> create_and_send_event_into_room(callbacks::JsonDict event_dict);
    /// The canonical id of a local user; none if there is none.
    [[nodiscard]] async::task<std::optional<std::string>> check_user_exists(std::string user_id);

    /// Runs `f(transaction, args...)` in a database transaction; see Database::run.
    template <class Function, class... Arguments>
    [[nodiscard]] auto run_db_interaction(std::string desc, Function&& f, Arguments&&... args) {
        return database().run(std::move(desc), std::forward<Function>(f), std::forward<Arguments>(args)...);
    }
    /// Brings this module's own tables up to date in the host's database: applies the steps that it hasn't got yet. For
    /// start(); all workers may do it at once. Errors: DatabaseError that names the step.
    [[nodiscard]] async::task<void> migrate_schema(SchemaMigration migration);

    /// Runs `f(args...)` (a function or coroutine) every `msec` milliseconds, first after `msec`; a run in progress delays the
    /// next. An exception is logged and the loop goes on. Only on the worker that runs background tasks; on others a warning
    /// and nothing else. Errors: std::invalid_argument for a time that isn't positive.
    template <class Function, class... Arguments>
    void looping_background_call(Function&& f, double msec, Arguments&&... args) {
        loop(msec, false, erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// The same on every worker.
    template <class Function, class... Arguments>
    void looping_background_call_on_all_instances(Function&& f, double msec, Arguments&&... args) {
        loop(msec, true, erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    /// Runs `f(args...)` once, after `msec` milliseconds. Not persistent.
    template <class Function, class... Arguments>
    DelayedCall delayed_background_call(double msec, Function&& f, Arguments&&... args) {
        return delay(msec, erased_call(std::forward<Function>(f), std::forward<Arguments>(args)...));
    }
    [[nodiscard]] bool should_run_background_tasks() const noexcept;

    /// Resumes after `seconds`.
    [[nodiscard]] async::task<void> sleep(double seconds);
    /// Runs the blocking call `f(args...)` on a thread pool and resumes here.
    template <class Function, class... Arguments>
    [[nodiscard]] auto defer_to_thread(Function&& f, Arguments&&... args) {
        return async::run_on(blocking_pool(), std::forward<Function>(f), std::forward<Arguments>(args)...);
    }

private:
    /// A call with its arguments, to be made any number of times.
    class BackgroundCall {
    public:
        virtual ~BackgroundCall() = default;
        virtual async::task<void> operator()() = 0;
    };
    template <class Function, class... Arguments>
    class BoundCall final : public BackgroundCall {
    public:
        template <class F, class... A>
        explicit BoundCall(F&& function, A&&... arguments)
            : function_(std::forward<F>(function)), arguments_(std::forward<A>(arguments)...) {}
        async::task<void> operator()() override {
            using returned = std::invoke_result_t<Function&, Arguments&...>;
            if constexpr (async::detail::is_task<std::remove_cvref_t<returned>>) {
                auto running = std::apply(function_, arguments_);
                static_cast<void>(co_await std::move(running));
            } else {
                std::apply(function_, arguments_);
                co_return;
            }
        }

    private:
        Function function_;
        std::tuple<Arguments...> arguments_;
    };
    template <class Function, class... Arguments>
    static std::shared_ptr<BackgroundCall> erased_call(Function&& f, Arguments&&... args) {
        return std::make_shared<BoundCall<std::decay_t<Function>, std::decay_t<Arguments>...>>(
            std::forward<Function>(f), std::forward<Arguments>(args)...);
    }

    /// Milliseconds as the clock counts them; negative ones are none.
    static async::clock::duration background_duration(double msec);
    /// One run of a call, with its exceptions logged.
    async::task<void> run_background(BackgroundCall& call);
    async::task<void> run_loop(double msec, std::shared_ptr<BackgroundCall> call);
    async::task<void> run_delayed(double msec, std::shared_ptr<BackgroundCall> call, std::shared_ptr<DelayedCall::State> state);
    async::task<void> wait_then_run(double msec, BackgroundCall& call);
    void loop(double msec, bool on_all_instances, std::shared_ptr<BackgroundCall> call);
    DelayedCall delay(double msec, std::shared_ptr<BackgroundCall> call);
    void require_registered(const async::cached_function& function) const;
    void publish_invalidation(const async::cached_function& function, std::vector<std::string> key);
    [[nodiscard]] Database& database() noexcept;
    [[nodiscard]] boost::asio::any_io_executor blocking_pool() const;

    Worker& worker_;
    std::string module_name_;
    std::shared_ptr<spdlog::logger> logger_;
    HttpClient http_client_;
    async::callback_identity background_;  ///< whose code is on the stack during a background call
};

}  // namespace modapi
