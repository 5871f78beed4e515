#pragma once

#include <modapi/http_client.h>
#include <modapi/work_statistics.h>

#include <callbacks/json.h>

#include <async/cached_function.h>
#include <async/call_limits.h>
#include <async/duration_histogram.h>
#include <async/limiter.h>
#include <async/observation.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// What one callback of one module did so far; all its registrations together.
struct CallbackCounts {
    std::string callback;
    std::uint64_t calls = 0;
    std::uint64_t decided = 0;      ///< answers that ended the walk: a denial, a replacement, a value
    std::uint64_t failed = 0;       ///< calls that ended with an exception
    std::uint64_t timed_calls = 0;  ///< calls whose duration was taken: a sample of those that end at once, and each that waits
    std::uint64_t timed_ns = 0;     ///< how long they took together
    union {
        std::uint64_t max_ns = 0;  ///< how long the longest of them took
        [[deprecated("max_ns")]] std::uint64_t longest_ns;
    };
    std::uint64_t waiting = 0;         ///< calls that have suspended and not ended yet
    std::uint64_t max_waiting_ns = 0;  ///< since when the longest of them does
    async::shadow_counts shadow{};     ///< calls in shadow mode, which none of the above counts
    async::call_mode mode = async::call_mode::enforce;  ///< in force now
    std::uint32_t share = async::call_limits::whole;    ///< likewise, of 10'000
    std::size_t place = 0;             ///< where its first registration stands among those of all modules, from 0
    async::duration_counts waited{};   ///< how long each call took that waited
    async::duration_counts at_once{};  ///< likewise those of the timed calls that didn't wait, which are a sample
    /// Calls that the module wasn't asked in, as its rules say, and that weren't in shadow mode: they are no calls, and in the sample.
    std::uint64_t passed_by = 0;
    std::uint64_t cut = 0;       ///< of `failed`: calls whose time was over
    std::uint64_t kept_out = 0;  ///< likewise those that an open breaker let not through
    /// Of the breaker that keeps calls from it: the one that lets the least through, of several workers; none: it has none.
    std::optional<async::breaker_state> breaker{};

    /// Adds another worker's counts.
    void add(const CallbackCounts& others);
    /// So many calls each one of `at_once` stands for; 0: there are none.
    [[nodiscard]] double sampled_calls_stand_for() const noexcept;
    /// How long all calls took together that have ended: those that waited, and the others by their sample.
    [[nodiscard]] double estimated_total_ns() const noexcept;
    /// What this part of the calls, 0 to 1, didn't take longer than, where each of the sample counts as often as it stands
    /// for; within a bucket by its share of that. 0 if there are none.
    [[nodiscard]] double percentile_ns(double part) const noexcept;
};

/// What one cached function did so far, and what it holds.
struct CacheCounts {
    std::string function;
    async::cache_counters counters;

    /// Adds another worker's counts.
    void add(const CacheCounts& others);
};

/// What a module registered, and what came of it.
struct ModuleStatistics {
    std::size_t position = 0;                ///< of its entry in the configuration's list, from 0
    int entry = 1;                           ///< which one of its module's entries it is, from 1
    std::string module;                      ///< its name there
    std::string library;                     ///< the file it came from; empty: compiled in
    std::string version;                     ///< as its library says; empty: it doesn't
    std::shared_ptr<const callbacks::JsonDict> config;  ///< its section without secrets
    async::call_mode mode = async::call_mode::enforce;  ///< of its entry in the file
    std::uint32_t share = async::call_limits::whole;    ///< likewise
    std::vector<CallbackCounts> callbacks;   ///< in the order of their first registration
    std::vector<std::string> web_resources;  ///< their paths
    std::vector<CallbackCounts> web_resource_calls;  ///< what was asked of them, by path in the place of a callback's name
    std::vector<CacheCounts> caches;         ///< in the order of their registration
    std::uint64_t background_calls = 0;      ///< runs of looping and delayed background calls
    std::uint64_t failed_background_calls = 0;
    std::vector<CallbackCounts>
        background_processes;        ///< that it started, by what it calls them in the place of a callback's name
    HttpClientCounts http_client{};  ///< by ModuleApi::http_client
    WorkCounts database{};           ///< by run_db_interaction and run_db_read

    /// Adds what the module did on another worker, where it may have registered something else.
    void add(const ModuleStatistics& others);

    /// The mode and the share that are in force for all of its callbacks; none: not the same for all. Those of its entry if it
    /// has no callbacks.
    [[nodiscard]] std::optional<async::call_mode> mode_in_force() const;
    [[nodiscard]] std::optional<std::uint32_t> share_in_force() const;
};

/// What the modules of one worker did.
struct WorkerStatistics {
    std::string worker;                     ///< main, worker1, ...
    std::vector<ModuleStatistics> modules;  ///< in the order of the configuration
};

/// What a module does now, in a word: `off` if none of its callbacks is asked, `shadow` if what they answer changes nothing,
/// `breaker_open` if a breaker keeps calls from one of them, else `running`.
[[nodiscard]] std::string_view state_of(const ModuleStatistics& module);

/// Adds what the modules of a worker did to that of other workers, by their positions in the list. `together` stays in the list's order.
/// Where a process has another module at a position than the others, as one does whose file is newer, these are two.
void add_up(std::vector<ModuleStatistics>& together, const std::vector<ModuleStatistics>& of_worker);

/// What a module registered, in a line of the log: `callbacks user_may_invite; web resources /x; cached functions get_x`, or
/// `no callbacks`.
[[nodiscard]] std::string registrations_of(const ModuleStatistics& module);

}  // namespace modapi
