#pragma once

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_loader.h>
#include <modapi/hosting/module_rules.h>
#include <modapi/hosting/placement.h>
#include <modapi/module.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

/// Finds the class a module name stands for: compiled in, in a shared library on the module path, or by a loader of last
/// resort.
///
/// `list_spam_checker.ListSpamChecker` is split at its last dot: the class ListSpamChecker in list_spam_checker.so. Before
/// anything in a library runs, its ELF file is read: it must carry the marks of this binary interface (abi.h) and of the
/// headers that the framework was built from (modapi_mark_headers in CMake), must not bring a copy of the framework (the
/// framework section, or a needed libmodapi* of another name than this process's own), and must export the class.
///
/// A library's file is looked at each time. If it was replaced since it was loaded, or overwritten, what stands there now is
/// loaded beside the old code under a name of its own: where the file is another one under another spelling of its path, else
/// as a copy in its folder that is deleted as soon as it is loaded. Either way it finds what it looks for beside itself, except
/// that other libraries which both need are the ones that are there already. One that has GNU_UNIQUE symbols, which the loader
/// would take from the old code, is refused; modapi_add_module makes none.
///
/// Libraries are never unloaded: their code may be on some stack, and what they threw is of types in them. A loaded library
/// doesn't depend on its file any more, which may be overwritten while its code runs: what the loader mapped of it is
/// replaced by copies (0.2 ms and the memory of its code and data; a copy from the beginning would hide it from debuggers, and
/// what lies beside it from itself).
/// Thread: one at a time, of all in the process.
class ModuleResolver {
public:
    explicit ModuleResolver(std::vector<std::filesystem::path> module_path);
    ~ModuleResolver();
    ModuleResolver(const ModuleResolver&) = delete;
    ModuleResolver& operator=(const ModuleResolver&) = delete;

    /// Makes a class of the host's own program available under `name`.
    template <class Module>
    void add(std::string name) {
        add(std::move(name), definition_of<Module>());
    }
    /// Makes a definition known by this name, as if it were a library's.
    void add(std::string name, ModuleDefinition definition);
    /// Has `loader` asked for what is neither compiled in nor on the module path as a library, which keeps the name even if it
    /// can't be loaded or hasn't the class. Several are asked in the order in which they were added.
    void add_last_resort(std::shared_ptr<ModuleLoader> loader);

    /// Errors: ModuleLoadError. The definition is the same one as before as long as the file is the same; a loader's is as it
    /// says.
    [[nodiscard]] FoundModule find(std::string_view name);
    /// Likewise for an entry with further keys (ModuleLoader::find_entry).
    [[nodiscard]] FoundModule find(std::string_view name, callbacks::JsonDict& further);
    /// Likewise. The reference is valid until the name is looked for anew; of a library, as long as the process.
    [[nodiscard]] const ModuleDefinition& resolve(std::string_view name);
    /// Where `name` was when it was last found: its file, or what a loader says; empty for what is compiled in.
    [[nodiscard]] std::filesystem::path library_of(std::string_view name) const;

private:
    [[nodiscard]] FoundModule look_for(std::string_view name, callbacks::JsonDict& further);
    /// None: there is no such file.
    [[nodiscard]] std::filesystem::path file_of(const std::string& library_name) const;
    [[nodiscard]] std::optional<FoundModule> ask_loaders(std::string_view name, callbacks::JsonDict& further);
    [[noreturn]] void refuse(std::string_view name, const std::string& library_name) const;

    std::vector<std::filesystem::path> module_path_;
    std::map<std::string, std::shared_ptr<const ModuleDefinition>, std::less<>> compiled_in_;
    std::vector<std::shared_ptr<ModuleLoader>> loaders_;
    std::map<std::string, FoundModule, std::less<>> found_;  // what each name was last
};

/// A module that a program asks for in its code, as an entry of `modules:` does in a file.
struct ModuleEntry {
    std::string name;            ///< as in a file; a class of the program itself by the name that the resolver has for it
    callbacks::JsonDict config;  ///< its section
    callbacks::JsonDict rules{};  ///< its `callbacks:`
    callbacks::JsonValue run_on{};  ///< its `run_on:`; null: everywhere
};

/// One entry of `modules:`, or a module of the host's own that has a section of the file to itself; resolved and with its
/// configuration parsed, ready to be built in every worker.
struct ConfiguredModule {
    std::string name;
    ConfigurationPath path;         ///< {"modules", "1"}; the name of its own section
    ConfigurationPath section;      ///< what is its own affair: {"modules", "1", "config"}, or all of its own section
    std::filesystem::path library;  ///< the file it comes from, or what a ModuleLoader says; empty: compiled in
    std::shared_ptr<const ModuleDefinition> definition;  ///< of a library: the one in it
    std::shared_ptr<const void> parsed;
    std::shared_ptr<const ModuleRules> rules{};     ///< of its callbacks; null: none
    std::shared_ptr<const ConfigurationFile> file;  ///< that the entry stands in
    /// What the module says is a secret in its section, by parse_config or later; null: nobody has read the section.
    std::shared_ptr<DeclaredSecrets> secrets{};
    Placement placement{};  ///< in which processes there are instances of it

    /// Throws the ConfigurationError about this module, `FILE:LINE: modules[1].config.audit_room: message (module NAME)`.
    /// `place` leads to a key of its section; empty: it is about the whole entry. `worker`, where it isn't empty, is named too;
    /// `callback` is the one of the module's functions that failed.
    [[noreturn]] void fail(const std::vector<std::string>& place, std::string_view message, std::string_view worker = {},
                           std::string callback = {}) const;
    /// Whether an instance that was built for `other` serves for this entry too, which was read later: the same class of the same
    /// code, with equal `config:` (in which the order of keys means nothing), equal rules and an equal `run_on`. Where the two stand is all the
    /// same, so a kept instance takes over this entry as a whole: its `path` and `file` say where errors are from now on, and
    /// the others are equal. Cost: a comparison of the two sections.
    [[nodiscard]] bool is_same_as(const ConfiguredModule& other) const;
    /// Whether something is awaited before it can be built (ModuleDefinition::prepare).
    [[nodiscard]] bool has_to_be_prepared() const noexcept { return definition->prepare != nullptr; }
    /// Its section as an operator may see it, without secrets (masked_configuration).
    [[nodiscard]] callbacks::JsonDict masked_config() const;
    /// Once it is built: throws the ConfigurationError for a rule about a callback that isn't among those it `registered`, and
    /// for what the entry says of all of them and one can't have. `worker` as for `fail`.
    void check_rules(const std::vector<std::string>& registered, std::string_view worker) const;
    /// Likewise: the line that warns of callbacks which are called by whoever serves an operation, where the entry isn't for all
    /// processes; empty: there is nothing to warn of.
    [[nodiscard]] std::string warning_of_placement(const std::vector<std::string>& registered) const;
};

/// Resolves and parses the `modules:` list, in order; the first failure ends it, before any module was built.
///
/// A missing, null or empty list means no modules; a missing or null `config` is an empty mapping, a missing or null `callbacks`
/// says nothing of them. `warn` gets one line for
/// each other key in an entry. Errors: ConfigurationError.
[[nodiscard]] std::vector<ConfiguredModule> configure_modules(const ConfigurationFile& file, ModuleResolver& resolver,
                                                              const std::function<void(const std::string&)>& warn);
/// Resolves and parses a module of the host's own that has a section of its own at the top level of the file, beside
/// `modules:`. `name` is the section's and the resolver's for the module. All of the section is the module's configuration;
/// where it isn't there, it is empty. The host says when there is one, and where it runs (`placement`). Errors:
/// ConfigurationError, `FILE:LINE: auto_accept_invites.enabled: must be ...`.
[[nodiscard]] ConfiguredModule configure_section(const ConfigurationFile& file, const std::string& name,
                                                 ModuleResolver& resolver);
/// Resolves and parses modules that the program itself asks for. Errors: ConfigurationError without a file,
/// `modules[0].config.max_length: must be an integer, not a string (module no_shouting.NoShouting)`.
[[nodiscard]] std::vector<ConfiguredModule> configure_modules(const std::vector<ModuleEntry>& entries,
                                                              ModuleResolver& resolver);

}  // namespace modapi
