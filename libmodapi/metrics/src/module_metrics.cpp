#include <modapi/hosting/metrics.h>

#include <array>
#include <map>
#include <set>
#include <tuple>

namespace modapi {

namespace {

/// What each entry of the list is called: its module's name, and for a second one of it that with a number.
std::vector<std::string> names_of(const std::vector<ModuleStatistics>& modules) {
    std::vector<std::string> names;
    std::set<std::string> taken;
    for (const ModuleStatistics& module : modules) {
        const std::string number = module.entry > 1 ? "#" + std::to_string(module.entry) : std::string();
        std::string name = module.module + number;
        for (int entry = 2; !taken.insert(name).second; ++entry) name = module.module + "#" + std::to_string(entry);
        names.push_back(std::move(name));
    }
    return names;
}

MetricLabels with(MetricLabels labels, std::string name, std::string value) {
    labels.emplace_back(std::move(name), std::move(value));
    return labels;
}

double counted(std::uint64_t number) { return static_cast<double>(number); }

/// Families of what is asked of modules: of their callbacks, or of their web resources.
struct CallFamilies {
    /// `subject` is in all names; `each` and `all` are what one call is of, and several, in words.
    CallFamilies(MetricFamilies& into, const std::string& subject, std::string label_of_each, const std::string& calls_of)
        : label(std::move(label_of_each)),
          calls(into.counter("modapi_" + subject + "_calls_total", "Calls of modules' " + calls_of + ".")),
          failures(into.counter("modapi_" + subject + "_failures_total",
                                "Calls of modules' " + calls_of + " that failed: kind=\"exception\"; kind=\"deadline\": their time was "
                                "over; kind=\"breaker_open\": an open breaker let them not through.")),
          in_flight(into.gauge("modapi_" + subject + "_calls_in_flight",
                               "Calls of modules' " + calls_of + " that wait and haven't ended.")),
          longest(into.gauge("modapi_" + subject + "_longest_duration_seconds",
                             "How long the longest of the calls of modules' " + calls_of + " took that were timed.")),
          durations(into.histogram(
              "modapi_" + subject + "_duration_seconds",
              "How long calls of modules' " + calls_of +
                  " took. measured=\"waited\": each that waited, however it ended. measured=\"sampled\": of those that answered "
                  "at once one in 64, of add_field_to_unsigned one in 1024, or one batch in 64; modapi_" +
                  subject + "_sampled_call_weight says how many calls one of these stands for.")),
          weight(into.gauge("modapi_" + subject + "_sampled_call_weight",
                            "How many calls each one in modapi_" + subject +
                                "_duration_seconds with measured=\"sampled\" stands for, since the start.")) {}

    void add(const CallbackCounts& counts, const MetricLabels& of_module) {
        const MetricLabels labels = with(of_module, label, counts.callback);
        calls.add(labels, counted(counts.calls));
        failures.add(with(labels, "kind", "exception"), counted(counts.failed - counts.cut - counts.kept_out));
        failures.add(with(labels, "kind", "deadline"), counted(counts.cut));
        failures.add(with(labels, "kind", "breaker_open"), counted(counts.kept_out));
        in_flight.add(labels, counted(counts.waiting));
        longest.add(labels, counted(counts.max_ns) / 1e9);
        if (counts.waited.count() > 0) durations.add(with(labels, "measured", "waited"), counts.waited);
        if (counts.at_once.count() == 0) return;
        durations.add(with(labels, "measured", "sampled"), counts.at_once);
        weight.add(labels, counts.sampled_calls_stand_for());
    }

    std::string label;
    MetricFamily calls;
    MetricFamily failures;
    MetricFamily in_flight;
    MetricFamily longest;
    MetricFamily durations;
    MetricFamily weight;
};

/// What only callbacks have.
struct RuleFamilies {
    explicit RuleFamilies(MetricFamilies& into)
        : breakers(into.gauge("modapi_callback_breaker_state",
                              "What the breaker of a module's callback lets through: 0 all, 1 nothing, 2 one call, to see whether "
                              "all is well.")),
          shadow_runs(into.counter("modapi_callback_shadow_runs_total", "Runs of modules' callbacks in shadow mode that began.")),
          shadow_ends(into.counter("modapi_callback_shadow_results_total",
                                   "What came of modules' callbacks in shadow mode: an answer that differed from what was done, a "
                                   "failure, a change that was kept back, a call that was skipped.")) {}

    void add(const CallbackCounts& counts, const MetricLabels& of_module) {
        const MetricLabels labels = with(of_module, "callback", counts.callback);
        if (counts.breaker) breakers.add(labels, static_cast<double>(*counts.breaker));
        if (counts.shadow.runs + counts.shadow.skipped == 0) return;
        shadow_runs.add(labels, counted(counts.shadow.runs));
        shadow_ends.add(with(labels, "result", "differed"), counted(counts.shadow.differed));
        shadow_ends.add(with(labels, "result", "failed"), counted(counts.shadow.failed));
        shadow_ends.add(with(labels, "result", "kept_back"), counted(counts.shadow.kept_back));
        shadow_ends.add(with(labels, "result", "skipped"), counted(counts.shadow.skipped));
    }

    MetricFamily breakers;
    MetricFamily shadow_runs;
    MetricFamily shadow_ends;
};

/// What modules' cached functions hold and spare.
struct CacheFamilies {
    explicit CacheFamilies(MetricFamilies& into)
        : hits(into.counter("modapi_cache_hits_total", "Calls of modules' cached functions that found what they ask for.")),
          misses(into.counter("modapi_cache_misses_total", "Calls of modules' cached functions that ran the function.")),
          evictions(into.counter("modapi_cache_evictions_total", "Entries that modules' cached functions dropped, and why.")),
          entries(into.gauge("modapi_cache_entries", "Entries that modules' cached functions hold.")),
          capacity(into.gauge("modapi_cache_max_entries", "Entries that modules' cached functions hold at most.")) {}

    void add(const CacheCounts& counts, const MetricLabels& of_module) {
        const MetricLabels labels = with(of_module, "function", counts.function);
        hits.add(labels, counted(counts.counters.hits));
        misses.add(labels, counted(counts.counters.misses));
        evictions.add(with(labels, "reason", "size"), counted(counts.counters.evicted_by_size));
        evictions.add(with(labels, "reason", "time"), counted(counts.counters.evicted_by_time));
        evictions.add(with(labels, "reason", "invalidation"), counted(counts.counters.evicted_by_invalidation));
        entries.add(labels, counted(counts.counters.size));
        capacity.add(labels, counted(counts.counters.max_size));
    }

    MetricFamily hits;
    MetricFamily misses;
    MetricFamily evictions;
    MetricFamily entries;
    MetricFamily capacity;
};

/// What modules have done for them, and do by themselves.
struct WorkFamilies {
    explicit WorkFamilies(MetricFamilies& into)
        : background(into.counter("modapi_background_calls_total", "Runs of modules' looping and delayed background calls.")),
          failed_background(into.counter("modapi_background_call_failures_total",
                                         "Runs of modules' background calls that ended with an exception.")),
          processes(into.counter("modapi_background_processes_total", "Background processes that modules started.")),
          failed_processes(into.counter("modapi_background_process_failures_total",
                                        "Background processes of modules that ended with an exception.")),
          requests(
              into.counter("modapi_http_client_requests_total",
                           "Requests of modules' HTTP clients by the first digit of the answer's status; status=\"none\": no "
                           "answer came.")),
          request_durations(
              into.histogram("modapi_http_client_request_duration_seconds",
                             "How long modules waited for the whole answer to an HTTP request, or for what came in "
                             "its place.")),
          failed_transactions(into.counter("modapi_database_transaction_failures_total",
                                           "Modules' database transactions that ended with an exception.")),
          transaction_durations(into.histogram("modapi_database_transaction_duration_seconds",
                                               "How long modules waited for a database transaction, its turn included.")) {}

    void add(const ModuleStatistics& module, const MetricLabels& labels) {
        background.add(labels, counted(module.background_calls));
        failed_background.add(labels, counted(module.failed_background_calls));
        for (const CallbackCounts& counts : module.background_processes) {
            const MetricLabels of_process = with(labels, "process", counts.callback);
            processes.add(of_process, counted(counts.calls));
            failed_processes.add(of_process, counted(counts.failed));
        }
        if (module.http_client.durations.count() > 0) {
            for (std::size_t digit = 0; digit < module.http_client.answered.size(); ++digit) {
                const std::string status = digit == 0 ? "none" : std::to_string(digit) + "xx";
                requests.add(with(labels, "status", status), counted(module.http_client.answered[digit]));
            }
            request_durations.add(labels, module.http_client.durations);
        }
        if (module.database.durations.count() == 0) return;
        failed_transactions.add(labels, counted(module.database.failed));
        transaction_durations.add(labels, module.database.durations);
    }

    MetricFamily background;
    MetricFamily failed_background;
    MetricFamily processes;
    MetricFamily failed_processes;
    MetricFamily requests;
    MetricFamily request_durations;
    MetricFamily failed_transactions;
    MetricFamily transaction_durations;
};

/// What was noted, and 0 for what wasn't yet: who looks at an increase misses the first one otherwise. The entries of one module are
/// together.
void add_decisions(MetricFamilies& into, const AnsweredWorkers& answered) {
    using Numbers = std::array<std::uint64_t, decision_outcomes.size()>;
    std::map<std::tuple<std::string, std::string, std::string>, Numbers> by_callback;
    for (const WorkerStatistics& worker : answered.workers) {
        for (const ModuleStatistics& module : worker.modules) {
            for (const CallbackCounts& counts : module.callbacks) by_callback[{module.module, counts.callback, worker.worker}];
        }
    }
    for (const Decisions::Count& count : answered.decisions)
        by_callback[{count.module, count.callback, count.worker}][static_cast<std::size_t>(count.outcome)] += count.decisions;
    MetricFamily decisions = into.counter(
        "modapi_callback_decisions_total",
        "What modules decided, by outcome, as GET /_synapse/admin/v1/modules/decisions lists it; of all entries of a module together.");
    for (const auto& [of, numbers] : by_callback) {
        const MetricLabels labels{{"module", std::get<0>(of)}, {"worker", std::get<2>(of)}, {"callback", std::get<1>(of)}};
        for (std::size_t outcome = 0; outcome < numbers.size(); ++outcome)
            decisions.add(with(labels, "outcome", std::string(decision_outcomes[outcome])), counted(numbers[outcome]));
    }
}

}  // namespace

void MetricFamilies::add_modules(const AnsweredWorkers& answered) {
    MetricFamily up =
        gauge("modapi_worker_up", "Whether a worker says what its modules did; 0: something blocks it, and its numbers are missing.");
    for (const WorkerStatistics& worker : answered.workers) up.add({{"worker", worker.worker}}, 1);
    for (const SilentWorker& silent : answered.silent) up.add({{"worker", silent.worker}}, 0);

    add_decisions(*this, answered);
    CallFamilies callbacks(*this, "callback", "callback", "callbacks");
    RuleFamilies rules(*this);
    CallFamilies web_resources(*this, "web_resource", "path", "web resources");
    CacheFamilies caches(*this);
    WorkFamilies work(*this);
    for (const WorkerStatistics& worker : answered.workers) {
        const std::vector<std::string> names = names_of(worker.modules);
        for (std::size_t index = 0; index < worker.modules.size(); ++index) {
            const ModuleStatistics& module = worker.modules[index];
            const MetricLabels labels{{"module", names[index]}, {"worker", worker.worker}};
            for (const CallbackCounts& counts : module.callbacks) {
                callbacks.add(counts, labels);
                rules.add(counts, labels);
            }
            for (const CallbackCounts& counts : module.web_resource_calls) web_resources.add(counts, labels);
            for (const CacheCounts& counts : module.caches) caches.add(counts, labels);
            work.add(module, labels);
        }
    }
}

}  // namespace modapi
