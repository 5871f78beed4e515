#include "command.h"
#include "library.h"

#include <modapi/testing/host.h>

#include <cstdlib>
#include <iostream>
#include <set>

namespace command {

namespace {

using modapi::ConfiguredModule;

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string text;
    for (const std::string& word : words) text.append(text.empty() ? "" : between).append(word);
    return text;
}

/// What a registration says of itself.
template <class Dispatcher>
std::vector<std::string> remarks_on(const Dispatcher& callback) {
    std::vector<std::string> remarks;
    if constexpr (requires { typename Dispatcher::one; }) {
        callback.each_key(
            [&](const auto& key, const auto&) { remarks.push_back(key.type + " (" + joined(key.fields, ", ") + ")"); });
    } else if constexpr (requires { typename Dispatcher::writer; }) {
        callback.each_hook([&](const async::callback_identity&, bool is_remembered, std::uint64_t) {
            if (is_remembered) remarks.emplace_back("once per event");
        });
    } else if constexpr (!std::is_void_v<typename Dispatcher::slot_type::interest_type>) {
        callback.each_interest([&](const callbacks::StateFilter* parts) {
            if (parts == nullptr) return;
            std::vector<std::string> types;
            for (const callbacks::StateFilterEntry& part : *parts) types.push_back(part.type);
            remarks.push_back("rests on the state " + (types.empty() ? "not at all" : joined(types, ", ")));
        });
    }
    return remarks;
}

void print_callbacks(callbacks::Dispatchers& hooks) {
    bool has_some = false;
    callbacks::each_callback(hooks, [&](const auto& callback, std::string_view category) {
        if (callback.empty()) return;
        if (!has_some) std::cout << "  callbacks:\n";
        has_some = true;
        const std::vector<std::string> remarks = remarks_on(callback);
        std::cout << "    " << callback.callback_name << " (" << category << ')' << (remarks.empty() ? "" : ": ")
                  << joined(remarks, ", ") << '\n';
    });
    if (!has_some) std::cout << "  callbacks: none\n";
}

void print_functions(const modapi::ModuleDefinition& definition) {
    std::vector<std::string> functions;
    if (definition.start != nullptr) functions.emplace_back("start()");
    if (definition.ready != nullptr) functions.emplace_back("ready()");
    if (definition.stop != nullptr) functions.emplace_back("stop()");
    if (definition.save != nullptr) functions.emplace_back("save()");
    if (definition.restore != nullptr) functions.emplace_back("restore()");
    if (!functions.empty()) std::cout << "  has " << joined(functions, ", ") << '\n';
}

/// Builds the module, as each worker of a host does, and tells what it registers. Errors: ConfigurationError of a constructor.
void print_module(const ConfiguredModule& entry, const std::string& section) {
    modapi::testing::Host host;
    host.worker().construct_modules({entry});
    const modapi::ModuleStatistics built = host.worker().module_statistics().at(0);
    std::cout << entry.name << (built.version.empty() ? ", which says no version" : ", version " + built.version)
              << "\n  configuration: " << section << '\n';
    print_functions(*entry.definition);
    print_callbacks(host.hooks());
    if (!built.web_resources.empty()) std::cout << "  web resources: " << joined(built.web_resources, ", ") << '\n';
    if (!built.caches.empty()) {
        std::vector<std::string> functions;
        for (const modapi::CacheCounts& cache : built.caches) functions.push_back(cache.function);
        std::cout << "  cached functions: " << joined(functions, ", ") << '\n';
    }
    host.run(host.worker().stop());
}

/// As the file lists them: the first that isn't taken ends it, as in a host.
void check_listed(const Library& library, const std::string& config) {
    const modapi::ConfigurationFile file = modapi::ConfigurationFile::load(config);
    const std::vector<ConfiguredModule> entries = library.entries_in(file);
    if (entries.empty()) throw Failure(config + " lists no module of " + library.file().string());
    std::set<std::string> listed;
    for (const ConfiguredModule& entry : entries) {
        print_module(entry, file.name_of(entry.path) + ":" + std::to_string(file.line_of(entry.path)));
        listed.insert(entry.name);
    }
    for (const std::string& module : library.modules()) {
        if (!listed.contains(module)) std::cout << module << " isn't listed in " << config << '\n';
    }
}

int check_library(const Arguments& given) {
    if (given.positional.size() > 1) throw Failure("check takes one module library (modapi check --help says more)");
    const Library library(given.positional.empty() ? std::nullopt : std::optional(given.positional.front()));
    if (const auto config = given.value("config")) {
        check_listed(library, *config);
        return EXIT_SUCCESS;
    }
    bool all_are_taken = true;
    for (const std::string& module : library.modules()) {
        try {
            print_module(library.entry_without_configuration(module), "takes none");
        } catch (const modapi::ConfigurationError& error) {
            std::cerr << error.what() << give_configuration << std::endl;
            all_are_taken = false;
        }
    }
    return all_are_taken ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

const Command check_command{"check", "[MODULE.so] [--config FILE]",
                            "says whether a host would take the module, and what it registers", &add_config_option,
                            &check_library};

}  // namespace command
