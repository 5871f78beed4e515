#include "module_rules_section.h"
#include "placement_section.h"

#include <modapi/hosting/masked_configuration.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/start_step.h>

#include <callbacks/errors.h>

#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

std::string of_module(std::string_view message, const std::string& name) {
    return std::string(message) + " (module " + name + ")";
}

[[noreturn]] void fail_of(const ConfigurationFile& file, const ConfigurationPath& place, std::string_view message,
                          const std::string& name) {
    file.fail(place, of_module(message, name), name);
}

/// The class's name as written; fails for what can't be one.
std::string name_of_entry(const ConfigurationFile& file, const ConfigurationPath& path, const JsonDict& entry) {
    ConfigurationPath place = path;
    place.emplace_back("module");
    const JsonValue* const name = entry.if_contains("module");
    if (name == nullptr || name->is_null()) file.fail(place, "is required");
    if (!name->is_string()) file.fail(place, "must be a string");
    return std::string(name->get_string());
}

ConfigSection section_of_entry(const ConfigurationFile& file, const ConfigurationPath& place, const JsonDict& entry,
                               const std::string& name) {
    const JsonValue* const config = entry.if_contains("config");
    if (config == nullptr || config->is_null()) return ConfigSection(JsonDict());
    if (!config->is_object()) fail_of(file, place, "must be a mapping", name);
    return ConfigSection(config->get_object());
}

std::shared_ptr<const void> parse(const ConfigurationFile& file, const ConfigurationPath& place, const ConfigSection& section,
                                  const ModuleDefinition& definition, const std::string& name) {
    try {
        const StartStep step(file, place, "parse_config()", name);
        return definition.parse(definition, section);
    } catch (const callbacks::ConfigError& error) {
        ConfigurationPath deeper = place;
        deeper.insert(deeper.end(), error.path().begin(), error.path().end());
        fail_of(file, deeper, error.what(), name);
    } catch (const ModuleLoadError&) {
        throw;  // it is about the module, not about its section
    } catch (...) {
        fail_of(file, place, callbacks::message_of(std::current_exception()), name);
    }
}

bool is_known(std::string_view key) { return key == "module" || key == "config" || key == "callbacks" || key == "run_on"; }

/// The class that stands for its name, which is written at `place`. `further` has the keys of its entry that nobody knows yet, and
/// afterwards those that its loader doesn't know either.
void resolve(ConfiguredModule& configured, const ConfigurationFile& file, const ConfigurationPath& place,
             ModuleResolver& resolver, JsonDict& further) {
    try {
        const StartStep step(file, place, "loading the library", configured.name);
        FoundModule found = resolver.find(configured.name, further);
        configured.library = std::move(found.library);
        configured.definition = std::move(found.definition);
    } catch (const ModuleLoadError& error) {
        fail_of(file, place, error.what(), configured.name);
    } catch (const callbacks::ConfigError& error) {
        ConfigurationPath of_key = configured.path;
        of_key.insert(of_key.end(), error.path().begin(), error.path().end());
        fail_of(file, of_key, error.what(), configured.name);
    }
}

ConfiguredModule configure(const ConfigurationFile& file, const ConfigurationPath& path, const JsonValue& value,
                           ModuleResolver& resolver, const std::function<void(const std::string&)>& warn) {
    const JsonDict* const entry = value.if_object();
    if (entry == nullptr) file.fail(path, "must be a mapping with the keys module and config");
    ConfiguredModule configured;
    configured.name = name_of_entry(file, path, *entry);
    configured.path = path;
    JsonDict further;
    for (const auto& member : *entry) {
        if (!is_known(member.key())) further.insert(member);
    }
    ConfigurationPath place = path;
    place.emplace_back("module");
    resolve(configured, file, place, resolver, further);
    for (const auto& member : further) {
        ConfigurationPath unknown = path;
        unknown.emplace_back(member.key());
        warn(file.describe(unknown, of_module("is not a known key of a module's entry and has no effect", configured.name)));
    }
    place.back() = "config";
    configured.section = place;
    const ConfigSection section = section_of_entry(file, place, *entry, configured.name);
    configured.secrets = section.declared_secrets();
    try {
        configured.parsed = parse(file, place, section, *configured.definition, configured.name);
    } catch (const ModuleLoadError& error) {
        place.back() = "module";
        fail_of(file, place, error.what(), configured.name);
    }
    place.back() = "callbacks";
    configured.rules = read_module_rules(file, place, *entry, configured.name);
    place.back() = "run_on";
    configured.placement = read_placement(file, place, *entry, configured.name);
    return configured;
}

/// The section of an entry that was read; null: it says nothing.
const JsonDict* section_of(const ConfiguredModule& module) {
    const JsonValue* const config = module.file->find(module.section);
    const JsonDict* const section = config != nullptr ? config->if_object() : nullptr;
    return section != nullptr && !section->empty() ? section : nullptr;
}

template <class T>
bool are_equal(const T* one, const T* other) {
    return one == nullptr || other == nullptr ? one == other : *one == *other;
}

}  // namespace

bool ConfiguredModule::is_same_as(const ConfiguredModule& other) const {
    // A class that was loaded anew has its functions elsewhere.
    return name == other.name && *definition == *other.definition && are_equal(section_of(*this), section_of(other)) &&
           are_equal(rules.get(), other.rules.get()) && placement == other.placement;
}

JsonDict ConfiguredModule::masked_config() const {
    const JsonDict* const own = section_of(*this);
    if (own == nullptr) return {};
    return masked_configuration(*own, secrets != nullptr ? secrets->paths() : std::set<std::vector<std::string>>());
}

void ConfiguredModule::fail(const std::vector<std::string>& place, std::string_view message, std::string_view worker,
                            std::string callback) const {
    ConfigurationPath whole = place.empty() ? path : section;
    whole.insert(whole.end(), place.begin(), place.end());
    const std::string where = worker.empty() ? std::string() : " on worker " + std::string(worker);
    file->fail(whole, std::string(message) + " (module " + name + where + ")", name, std::move(callback));
}

std::vector<ConfiguredModule> configure_modules(const ConfigurationFile& file, ModuleResolver& resolver,
                                                const std::function<void(const std::string&)>& warn) {
    std::vector<ConfiguredModule> configured;
    const JsonValue* const modules = file.root().if_contains("modules");
    if (modules == nullptr || modules->is_null()) return configured;
    const JsonArray* const list = modules->if_array();
    if (list == nullptr) file.fail({"modules"}, "must be a list of modules");
    configured.reserve(list->size());
    const auto kept = std::make_shared<const ConfigurationFile>(file);
    for (std::size_t index = 0; index < list->size(); ++index) {
        configured.push_back(configure(file, {"modules", std::to_string(index)}, (*list)[index], resolver, warn));
        configured.back().file = kept;
    }
    return configured;
}

ConfiguredModule configure_section(const ConfigurationFile& file, const std::string& name, ModuleResolver& resolver) {
    ConfiguredModule configured;
    configured.name = name;
    configured.path = {name};
    configured.section = configured.path;
    configured.file = std::make_shared<const ConfigurationFile>(file);
    const JsonValue* const given = file.root().if_contains(name);
    const bool is_empty = given == nullptr || given->is_null();
    if (!is_empty && !given->is_object()) file.fail(configured.path, "must be a mapping", name);
    const ConfigSection section(is_empty ? JsonDict() : given->get_object());
    JsonDict nothing_further;
    resolve(configured, file, configured.path, resolver, nothing_further);
    configured.secrets = section.declared_secrets();
    try {
        configured.parsed = parse(file, configured.path, section, *configured.definition, name);
    } catch (const ModuleLoadError& error) {
        fail_of(file, configured.path, error.what(), name);
    }
    return configured;
}

std::vector<ConfiguredModule> configure_modules(const std::vector<ModuleEntry>& entries, ModuleResolver& resolver) {
    JsonArray modules;
    for (const ModuleEntry& entry : entries) {
        JsonDict& written = modules.emplace_back(JsonDict()).get_object();
        written["module"] = entry.name;
        written["config"] = entry.config;
        written["callbacks"] = entry.rules;
        written["run_on"] = entry.run_on;
    }
    JsonDict root;
    root["modules"] = std::move(modules);
    return configure_modules(ConfigurationFile::of(std::move(root)), resolver, [](const std::string&) {});
}

}  // namespace modapi
