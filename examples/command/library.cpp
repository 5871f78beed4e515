#include "library.h"

#include "command.h"

#include <modapi/hosting/exported_classes.h>
#include <modapi/module_api.h>

#include <algorithm>
#include <iostream>

namespace command {

namespace {

using modapi::ConfiguredModule;

/// Stands for the modules of other libraries, which nobody asks for.
class OtherModule {
public:
    OtherModule(const modapi::ConfigSection&, modapi::ModuleApi&) {}
};

}  // namespace

std::filesystem::path only_built_library() {
    const std::filesystem::path folder = "build/modules";
    std::vector<std::filesystem::path> found;
    if (std::filesystem::is_directory(folder)) {
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (entry.path().extension() == ".so") found.push_back(entry.path());
        }
    }
    if (found.size() == 1) return found.front();
    throw Failure(std::string("say which module: there is ") + (found.empty() ? "no" : "more than one") +
                  " .so file in build/modules");
}

Library::Library(const std::optional<std::string>& given)
    : file_(given ? std::filesystem::path(*given) : only_built_library()) {
    if (file_.extension() != ".so") throw Failure(file_.string() + " isn't called NAME.so, as module libraries are");
    for (const std::string& class_name : modapi::exported_classes(file_))
        modules_.push_back(file_.stem().string() + "." + class_name);
}

std::vector<ConfiguredModule> Library::entries_in(const modapi::ConfigurationFile& file, std::string_view module) const {
    modapi::ModuleResolver resolver({std::filesystem::absolute(file_).parent_path()});
    const auto is_wanted = [&](std::string_view name) {
        return module.empty() ? name.substr(0, name.rfind('.')) == file_.stem().string() : name == module;
    };
    const callbacks::JsonValue* const listed = file.find({"modules"});
    if (listed != nullptr && listed->is_array()) {
        for (const callbacks::JsonValue& entry : listed->get_array()) {
            const callbacks::JsonValue* const name = entry.is_object() ? entry.get_object().if_contains("module") : nullptr;
            if (name == nullptr || !name->is_string() || is_wanted(name->get_string())) continue;
            resolver.add(std::string(name->get_string()), modapi::definition_of<OtherModule>());
        }
    }
    const auto warn = [&](const std::string& line) {
        if (module.empty() || line.ends_with("(module " + std::string(module) + ")")) std::cerr << line << '\n';
    };
    std::vector<ConfiguredModule> entries = modapi::configure_modules(file, resolver, warn);
    std::erase_if(entries, [&](const ConfiguredModule& entry) { return !is_wanted(entry.name); });
    for (ConfiguredModule& entry : entries) entry.placement = modapi::Placement();  // there is one process here
    return entries;
}

ConfiguredModule Library::entry_without_configuration(const std::string& module) const {
    modapi::ModuleResolver resolver({std::filesystem::absolute(file_).parent_path()});
    const std::vector<modapi::ModuleEntry> entry{{module, callbacks::JsonDict()}};
    return modapi::configure_modules(entry, resolver).front();
}

}  // namespace command
