#pragma once

#include <modapi/database.h>
#include <modapi/hosting/deferred_calls.h>
#include <modapi/hosting/module_rules.h>
#include <modapi/hosting/module_uses.h>
#include <modapi/hosting/received_broadcasts.h>
#include <modapi/web_resource.h>
#include <modapi/work_statistics.h>

#include <callbacks/dispatchers.h>

#include <async/cached_function.h>
#include <async/context.h>
#include <async/observation.h>
#include <async/scope.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace modapi {

/// What modules are asked by: the lists of their callbacks, and the resources they serve.
struct ModuleLists {
    callbacks::Dispatchers hooks;
    WebResources resources;
};

/// The time for which the background tasks of all workers are one worker's.
struct BackgroundTerm {
    std::int64_t number = 0;  ///< 0: they are another worker's
    /// What transactions of background calls need; null: nobody else can take the tasks over.
    std::shared_ptr<const TransactionCondition> lease;
};

/// What workers call the module of the first, second, ... entry of its name among themselves.
[[nodiscard]] std::string name_among_workers(const std::string& module, int entry);

/// What one instance of a module registered by its ModuleApi and what it has under way, for who asks what it does and for who ends it.
///
/// Thread: the worker's. Lifetime: outlives the instance; what it is made from outlives it. What is under way was joined before it is
/// destroyed.
struct ModuleRegistrations {
    /// `number` is no other instance's of this worker.
    ModuleRegistrations(const async::environment& where, CallingThreads& threads, ModuleLists& into, std::string module_name,
                        std::string among_workers, std::uint64_t number);

    std::string module;  ///< its name in the configuration
    /// What workers call it among themselves. A module that is listed more than once has a name for each entry: `module name`,
    /// `module name#2`, ...
    std::string name_among_workers;
    std::uint64_t registrant;  ///< of its callbacks (async::registration)
    ModuleLists* lists;        ///< where it registers: those that are asked, or those that will be
    std::vector<const async::callback_identity*> callbacks;
    std::vector<std::string> web_resources;
    std::vector<async::cached_function*> cached_functions;
    /// What of its add_field_to_unsigned is remembered; null: nothing.
    std::unique_ptr<async::cached_function> unsigned_changes;
    /// Another one has what it wanted to register and only one may have.
    bool was_refused = false;
    std::unique_ptr<ModuleLimits> limits;  ///< of its callbacks; null: the operator says nothing of them
    BackgroundTerm term;                   ///< that it was built for
    bool runs_background_tasks = false;    ///< of all workers; false as soon as the term has ended
    async::callback_identity background;         ///< whose code is on the stack during a background call
    async::callback_identity background_of_one;  ///< likewise of one that only one worker of all runs
    /// Likewise of processes that it started, by what it calls them.
    std::map<std::string, std::unique_ptr<async::callback_identity>, std::less<>> processes;
    async::scope background_calls;
    DeferredCalls deferred_calls;
    WorkStatistics database;  ///< its transactions
    ModuleUses uses;
    std::unique_ptr<ReceivedBroadcasts> broadcasts;  ///< null: it listens to none

    /// What workers call one of its cached functions among themselves: `module name.function name`.
    [[nodiscard]] std::string name_of(const async::cached_function& function) const;
    /// The names of its callbacks, each once, in the order of their first registration.
    [[nodiscard]] std::vector<std::string> callback_names() const;
    /// Whose code is on the stack during such a process; beyond 64 names, during a background call.
    [[nodiscard]] async::callback_identity& process_called(const std::string& desc);
    /// Background calls that its constructor and start() ask for begin with the service, or not at all.
    void begin_background(std::function<void()> start);
    /// It is asked from now on: background calls begin at once.
    void begin();
    [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }
    /// Notes which callbacks it has registered since the last time.
    void note_callbacks();
    /// Nothing of it is asked any more: forgets what waits to begin.
    void forget();

private:
    std::vector<std::function<void()>> waiting_to_begin_;
    bool has_begun_ = false;
};

}  // namespace modapi
