#include "background/updates_of_processes.h"

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using callbacks::JsonDict;

JsonDict told_status(const BackgroundStatus& status) {
    JsonDict told;
    told["enabled"] = status.enabled;
    told["database"] = status.database_name;
    told["is_run_here"] = status.is_run_here;
    if (!status.current) return told;
    JsonDict current;
    current["name"] = status.current->name;
    current["items"] = status.current->total_item_count;
    current["ms"] = status.current->total_duration_ms;
    if (status.current->average_items_per_ms) current["items_per_ms"] = *status.current->average_items_per_ms;
    told["current"] = std::move(current);
    return told;
}

BackgroundStatus status_in(const JsonDict& told) {
    BackgroundStatus status;
    status.enabled = told.at("enabled").as_bool();
    status.database_name = told.at("database").as_string();
    status.is_run_here = told.at("is_run_here").as_bool();
    const callbacks::JsonValue* const current = told.if_contains("current");
    if (current == nullptr) return status;
    CurrentUpdate& update = status.current.emplace();
    update.name = current->at("name").as_string();
    update.total_item_count = current->at("items").to_number<std::int64_t>();
    update.total_duration_ms = current->at("ms").to_number<std::int64_t>();
    if (const callbacks::JsonValue* const average = current->as_object().if_contains("items_per_ms"))
        update.average_items_per_ms = average->to_number<double>();
    return status;
}

/// Of the process that runs the updates; none: none of those that answered.
std::optional<BackgroundStatus> status_of_runner(const modapi::AskedProcesses& asked) {
    for (const modapi::AskedProcesses::Answer& answer : asked.answers) {
        BackgroundStatus status = status_in(answer.content);
        if (status.is_run_here) return status;
    }
    return std::nullopt;
}

std::string names_of(const std::vector<modapi::SilentProcess>& silent) {
    std::string names;
    for (const modapi::SilentProcess& process : silent) names += (names.empty() ? "" : ", ") + process.process;
    return names;
}

}  // namespace

async::task<BackgroundStatus> UpdatesOfProcesses::perform(BackgroundUpdates& own, JsonDict question) {
    if (const callbacks::JsonValue* const enabled = question.if_contains("enable")) {
        const bool is_to_be_enabled = enabled->as_bool();
        co_await own.set_enabled(is_to_be_enabled);
    }
    if (question.contains("look_again")) co_await own.look_again();
    async::task<BackgroundStatus> looking = own.status();
    co_return co_await std::move(looking);
}

async::task<JsonDict> UpdatesOfProcesses::tell(BackgroundUpdates& own, JsonDict question) {
    async::task<BackgroundStatus> performing = perform(own, std::move(question));
    const BackgroundStatus status = co_await std::move(performing);
    co_return told_status(status);
}

async::task<modapi::AskedProcesses> UpdatesOfProcesses::ask(JsonDict question) const {
    return all_.ask(topic, std::move(question), limit_);
}

async::task<BackgroundStatus> UpdatesOfProcesses::status() const {
    async::task<BackgroundStatus> looking = own_.status();
    BackgroundStatus own = co_await std::move(looking);
    if (own.is_run_here || all_.is_alone()) co_return own;
    async::task<modapi::AskedProcesses> asking = ask({});
    const modapi::AskedProcesses asked = co_await std::move(asking);
    co_return status_of_runner(asked).value_or(own);
}

async::task<void> UpdatesOfProcesses::set_enabled(bool enabled) const {
    JsonDict question;
    question["enable"] = enabled;
    async::task<BackgroundStatus> performing = perform(own_, question);
    const BackgroundStatus own = co_await std::move(performing);
    async::task<modapi::AskedProcesses> asking = ask(std::move(question));
    const modapi::AskedProcesses asked = co_await std::move(asking);
    if (asked.silent.empty()) co_return;
    const std::string names = names_of(asked.silent);
    spdlog::warn("whether background updates are enabled couldn't be told to {}, which may run them later", names);
    if (own.is_run_here || status_of_runner(asked)) co_return;
    throw callbacks::SynapseError(503, "No process that answers runs background updates, and these don't answer: " + names,
                                  callbacks::Codes::UNKNOWN);
}

async::task<void> UpdatesOfProcesses::look_again() const {
    JsonDict question;
    question["look_again"] = true;
    async::task<BackgroundStatus> performing = perform(own_, question);
    const BackgroundStatus own = co_await std::move(performing);
    if (own.is_run_here) co_return;
    async::task<modapi::AskedProcesses> asking = ask(std::move(question));
    const modapi::AskedProcesses asked = co_await std::move(asking);
    if (!asked.silent.empty() && !status_of_runner(asked))
        spdlog::warn("of a job that was queued these processes couldn't be told, one of which may run it: {}",
                     names_of(asked.silent));
}

}  // namespace homeserver
