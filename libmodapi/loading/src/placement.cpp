#include "placement_section.h"

#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/process_name.h>

#include <callbacks/dispatchers.h>

#include <set>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonValue;

constexpr std::string_view what_it_may_be = "must be all, background or a list of names of processes";

std::string_view text_of(const JsonValue& value) {
    const auto* const text = value.if_string();
    return text != nullptr ? std::string_view(*text) : std::string_view();
}

}  // namespace

bool Placement::runs_on(std::string_view process, bool runs_background_tasks) const noexcept {
    if (kind_ == Kind::everywhere) return true;
    if (kind_ == Kind::background) return runs_background_tasks;
    return processes_.contains(process.empty() ? main_process : process);
}

std::string Placement::text() const {
    if (kind_ == Kind::everywhere) return "all";
    if (kind_ == Kind::background) return "background";
    std::string names;
    for (const std::string& process : processes_) names += (names.empty() ? "" : ", ") + process;
    return names;
}

Placement read_placement(const ConfigurationFile& file, const ConfigurationPath& place, const callbacks::JsonDict& entry,
                         const std::string& module) {
    const JsonValue* const given = entry.if_contains(place.back());
    if (given == nullptr || given->is_null() || text_of(*given) == "all") return {};
    if (text_of(*given) == "background") return Placement::background();
    std::set<std::string, std::less<>> processes;
    const auto add = [&](const JsonValue& value, const ConfigurationPath& where) {
        const auto fail = [&](std::string_view message) {
            file.fail(where, std::string(message) + " (module " + module + ")", module);
        };
        if (!value.is_string()) fail(&value == given ? what_it_may_be : "must be the name of a process");
        const std::string refusal = refusal_of_process_name(text_of(value));
        if (!refusal.empty()) fail(refusal);
        processes.emplace(text_of(value));
    };
    const JsonArray* const list = given->if_array();
    if (list == nullptr) add(*given, place);
    for (std::size_t index = 0; list != nullptr && index < list->size(); ++index) {
        ConfigurationPath where = place;
        where.push_back(std::to_string(index));
        add((*list)[index], where);
    }
    if (processes.empty()) file.fail(place, "must name one process at least (module " + module + ")", module);
    return Placement::on(std::move(processes));
}

std::string ConfiguredModule::warning_of_placement(const std::vector<std::string>& registered) const {
    if (placement.is_everywhere()) return {};
    std::string missing;
    for (const std::string& callback : registered) {
        if (callbacks::description_of(callback)->is_called_by_who_serves) missing += (missing.empty() ? "" : ", ") + callback;
    }
    if (missing.empty()) return {};
    ConfigurationPath place = path;
    place.emplace_back("run_on");
    return file->describe(
        place, "is " + placement.text() + ", but these callbacks are called where an operation is served: " + missing +
                   "; what is served elsewhere goes on without them, as if the module had nothing to say: only " +
                   "run_on: all has them called everywhere (module " + name + ")");
}

}  // namespace modapi
