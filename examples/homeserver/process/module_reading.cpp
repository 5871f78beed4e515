#include "process/module_reading.h"

#include "process/server_configuration.h"

#include <spdlog/spdlog.h>

#include <set>
#include <string>
#include <utility>

namespace homeserver {

ModuleReading::ModuleReading(const modapi::ConfigurationFile& served, std::vector<std::filesystem::path> files,
                             std::filesystem::path module_path, KnownWorkers workers, modapi::ModuleResolver& resolver)
    : served_(served),
      files_(std::move(files)),
      module_path_(std::move(module_path)),
      workers_(std::move(workers)),
      resolver_(resolver) {}

std::vector<modapi::ConfiguredModule> ModuleReading::read() const {
    const auto warn = [](const std::string& line) { spdlog::warn("{}", line); };
    const modapi::ConfigurationFile next = modapi::ConfigurationFile::load(files_);
    static_cast<void>(read_server_configuration(next, module_path_, warn));
    std::vector<modapi::ConfiguredModule> modules = configure_all_modules(next, resolver_, workers_, warn);
    warn_of_other_changes(next);
    return modules;
}

void ModuleReading::warn_of_other_changes(const modapi::ConfigurationFile& next) const {
    std::set<std::string> keys;
    for (const callbacks::JsonDict* const root : {&served_.root(), &next.root()}) {
        for (const auto& member : *root) keys.emplace(member.key());
    }
    keys.erase("modules");
    keys.erase(std::string(auto_accept_invites_key));
    std::string changed;
    for (const std::string& key : keys) {
        const callbacks::JsonValue* const before = served_.root().if_contains(key);
        const callbacks::JsonValue* const now = next.root().if_contains(key);
        if (before != nullptr && now != nullptr && *before == *now) continue;
        changed += (changed.empty() ? "" : ", ") + key;
    }
    if (changed.empty()) return;
    std::string files;
    for (const std::string& name : next.names()) files += (files.empty() ? "" : ", ") + name;
    spdlog::warn("{}: only modules change while the server runs; a restart is needed for {}", files, changed);
}

}  // namespace homeserver
