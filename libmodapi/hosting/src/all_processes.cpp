#include <modapi/hosting/all_processes.h>
#include <modapi/hosting/decision_keeper.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/process_answers.h>
#include <modapi/hosting/process_group.h>
#include <modapi/hosting/rule_change.h>

#include <callbacks/errors.h>

#include <async/context.h>
#include <async/run_on.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using std::chrono::milliseconds;

constexpr const char* topic_of_statistics = "modapi.modules";
constexpr const char* topic_of_decisions = "modapi.decisions";
constexpr const char* topic_of_reload = "modapi.reload";
constexpr const char* topic_of_rules = "modapi.rules";
/// What a question and its answer are on their way.
constexpr milliseconds time_for_messages{100};

async::task<JsonDict> answer_statistics(WorkerGroup& workers, JsonDict question) {
    const milliseconds limit(question.at("within_ms").to_number<std::int64_t>());
    async::task<AnsweredWorkers> asking = workers.statistics_by_worker_within(limit);
    const AnsweredWorkers answered = co_await std::move(asking);
    co_return as_json(answered);
}

/// Those in memory: who asks reads himself what is in the database.
async::task<JsonDict> answer_decisions(WorkerGroup& workers, JsonDict question) {
    const DecisionFilter filter = decision_filter_of(question.at("filter").as_object());
    std::optional<DecisionPlace> from;
    if (const JsonDict::const_iterator token = question.find("from"); token != question.end())
        from = DecisionPlace::read(token->value().as_string());
    const DecisionPage page =
        workers.decisions().find(filter, from ? &*from : nullptr, question.at("count").to_number<std::size_t>());
    co_return as_json(page);
}

async::task<JsonDict> answer_reload(WorkerGroup& workers, JsonDict question) {
    async::task<ModuleChanges> reloading = workers.reload(std::string(question.at("by").as_string()));
    const ModuleChanges changes = co_await std::move(reloading);
    co_return as_json(changes);
}

JsonDict written(const RuleChange& change) {
    JsonDict words;
    if (change.mode) words["mode"] = word_of(*change.mode);
    if (change.share) words["share"] = percentage(*change.share);
    return words;
}

std::string module_standing_at(const ModuleHost* modules, std::size_t position) { return modules->module_at(position); }

/// With `changed` false where the entry doesn't run.
async::task<JsonDict> answer_rules(WorkerGroup& workers, JsonDict question) {
    std::string which(question.at("which").as_string());
    const std::string by(question.at("by").as_string());
    const milliseconds limit(question.at("within_ms").to_number<std::int64_t>());
    const RuleChange change = RuleChange::read(question.at("change").as_object());
    if (const callbacks::JsonValue* const module = question.if_contains("module")) {
        const std::size_t position = question.at("position").to_number<std::size_t>();
        const HostWorker& first = workers.worker(0);
        const ModuleHost* const modules = &first.modules();
        async::task<std::string> looking = async::run_on(first.where().executor, &module_standing_at, modules, position);
        const std::string standing = co_await std::move(looking);
        if (standing != module->as_string())
            throw std::runtime_error("its list has no module " + std::string(module->as_string()) + " at " +
                                     std::to_string(position));
        which = std::to_string(position);
    }
    JsonDict answer;
    answer["changed"] = false;
    ChangedRules changed;
    bool runs_here = true;
    try {
        async::task<ChangedRules> changing = workers.change_rules(which, change, limit);
        changed = co_await std::move(changing);
    } catch (const callbacks::SynapseError& error) {
        if (error.status() != 404) throw;
        runs_here = false;
    }
    if (!runs_here) co_return answer;
    framework_log().info("{} changed modules[{}] (module {}) of all processes: {}", by, changed.position, changed.module,
                         change.text());
    JsonArray later;
    for (const std::string& worker : changed.later) later.emplace_back(worker);
    answer["changed"] = true;
    answer["position"] = changed.position;
    answer["module"] = changed.module;
    answer["later"] = std::move(later);
    co_return answer;
}

template <class Process>
void sort_by_name(std::vector<Process>& processes) {
    std::sort(processes.begin(), processes.end(),
              [](const Process& left, const Process& right) { return left.process < right.process; });
}

/// Reads what others answered; who answered what can't be read didn't.
template <class Read>
void read_answers(const AskedProcesses& asked, std::vector<SilentProcess>& silent, const Read& read) {
    for (const AskedProcesses::Answer& answer : asked.answers) {
        try {
            read(answer);
        } catch (const std::exception& failure) {
            silent.push_back({answer.process, std::string("its answer can't be read: ") + failure.what()});
        }
    }
    silent.insert(silent.end(), asked.silent.begin(), asked.silent.end());
    sort_by_name(silent);
}

}  // namespace

std::map<std::string, ProcessAnswering> AllProcesses::answers() {
    return {{topic_of_statistics, &answer_statistics},
            {topic_of_decisions, &answer_decisions},
            {topic_of_reload, &answer_reload},
            {topic_of_rules, &answer_rules}};
}

async::task<AskedProcesses> AllProcesses::ask(std::string topic, JsonDict question, milliseconds limit) const {
    AskedProcesses asked;
    if (is_alone()) co_return asked;
    Questions& questions = workers_.processes()->questions();
    async::task<ProcessAnswers> asking = Questions::ask(questions, std::move(topic), std::move(question), limit);
    ProcessAnswers all = co_await std::move(asking);
    for (ProcessAnswers::Answer& answer : all.answers) {
        const callbacks::JsonValue* const error = answer.content.if_contains("error");
        if (error != nullptr && error->is_string() && answer.content.size() == 1) {
            asked.silent.push_back({answer.process, std::string(error->get_string())});
        } else {
            asked.answers.push_back({answer.process, std::move(answer.content)});
        }
    }
    for (const std::string& process : all.silent) asked.silent.push_back({process, {}});
    sort_by_name(asked.silent);
    co_return asked;
}

async::task<AnsweredProcesses> AllProcesses::statistics_within(milliseconds limit) const {
    const async::context& here = co_await async::this_context;
    const async::clock::time_point began = here.clock().now();
    AnsweredProcesses all;
    async::task<AnsweredWorkers> own = workers_.statistics_by_worker_within(limit);
    AnsweredWorkers of_own = co_await std::move(own);
    all.processes.push_back({workers_.process(), std::move(of_own)});
    if (is_alone()) co_return all;
    // Who waited for workers of its own leaves less to the others.
    const auto took = std::chrono::duration_cast<milliseconds>(here.clock().now() - began);
    const milliseconds left = std::max(limit - took, time_for_messages);
    JsonDict question;
    question["within_ms"] = left.count();
    async::task<AskedProcesses> asking = ask(topic_of_statistics, std::move(question), left + time_for_messages);
    const AskedProcesses asked = co_await std::move(asking);
    read_answers(asked, all.silent, [&](const AskedProcesses::Answer& answer) {
        all.processes.push_back({answer.process, answered_workers_of(answer.content)});
    });
    sort_by_name(all.processes);
    co_return all;
}

async::task<DecisionsOfProcesses> AllProcesses::find_decisions(DecisionFilter filter, std::optional<DecisionPlace> from,
                                                               std::size_t count, milliseconds limit) const {
    const bool is_for_one = !filter.id.empty();
    JsonDict question;
    question["filter"] = as_json(filter);
    if (from) question["from"] = from->token();
    question["count"] = count;
    DecisionsOfProcesses all;
    async::task<DecisionPage> finding = workers_.find_decisions(std::move(filter), std::move(from), count);
    DecisionPage page = co_await std::move(finding);
    static_cast<DecisionPage&>(all) = std::move(page);
    if (is_alone() || (is_for_one && !all.decisions.empty())) co_return all;
    async::task<AskedProcesses> asking = ask(topic_of_decisions, std::move(question), limit);
    const AskedProcesses asked = co_await std::move(asking);
    const bool is_incomplete = all.is_incomplete;
    read_answers(asked, all.silent, [&](const AskedProcesses::Answer& answer) {
        // Its own memory is newer than what it has written.
        static_cast<DecisionPage&>(all) =
            merged(decision_page_of(answer.content), std::move(static_cast<DecisionPage&>(all)), count);
    });
    all.is_incomplete = is_incomplete || !all.silent.empty();
    co_return all;
}

async::task<ReloadedProcesses> AllProcesses::reload(std::string by, milliseconds limit) const {
    ReloadedProcesses all;
    JsonDict question;
    question["by"] = by;
    ReloadedProcesses::Process own;
    own.process = workers_.process();
    try {
        async::task<ModuleChanges> reloading = workers_.reload(std::move(by));
        own.changes = co_await std::move(reloading);
    } catch (const std::exception& failure) {
        own.error = failure.what();
    }
    all.processes.push_back(std::move(own));
    async::task<AskedProcesses> asking = ask(topic_of_reload, std::move(question), limit);
    const AskedProcesses asked = co_await std::move(asking);
    std::vector<SilentProcess> without_changes;
    read_answers(asked, without_changes, [&](const AskedProcesses::Answer& answer) {
        all.processes.push_back({answer.process, module_changes_of(answer.content), {}});
    });
    for (SilentProcess& silent : without_changes) {
        if (silent.error.empty()) {
            all.silent.push_back(std::move(silent.process));
        } else {
            all.processes.push_back({std::move(silent.process), std::nullopt, std::move(silent.error)});
        }
    }
    sort_by_name(all.processes);
    co_return all;
}

async::task<ChangedRulesOfProcesses> AllProcesses::change_rules(std::string which, RuleChange change, std::string by,
                                                                milliseconds limit) const {
    JsonDict question;
    question["which"] = which;
    question["change"] = written(change);
    question["by"] = std::move(by);
    question["within_ms"] = limit.count();
    ChangedRulesOfProcesses all;
    std::exception_ptr refusal;
    bool has_changed = false;
    try {
        async::task<ChangedRules> changing = workers_.change_rules(std::move(which), std::move(change), limit);
        ChangedRules own = co_await std::move(changing);
        static_cast<ChangedRules&>(all) = std::move(own);
        has_changed = true;
    } catch (const callbacks::SynapseError& error) {
        refusal = std::current_exception();
        // It may run elsewhere.
        if (error.status() != 404) throw;
    }
    if (has_changed) {
        question["position"] = all.position;
        question["module"] = all.module;
    }
    async::task<AskedProcesses> asking = ask(topic_of_rules, std::move(question), limit + time_for_messages);
    const AskedProcesses asked = co_await std::move(asking);
    read_answers(asked, all.silent, [&](const AskedProcesses::Answer& answer) {
        if (!answer.content.at("changed").as_bool()) return;
        all.position = answer.content.at("position").to_number<std::size_t>();
        all.module = answer.content.at("module").as_string();
        for (const callbacks::JsonValue& worker : answer.content.at("later").as_array())
            all.later.emplace_back(worker.as_string());
        has_changed = true;
    });
    if (!has_changed) std::rethrow_exception(refusal);
    co_return all;
}

}  // namespace modapi
