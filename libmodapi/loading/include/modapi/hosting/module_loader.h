#pragma once

#include <modapi/module.h>

#include <callbacks/json.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace modapi {

/// A module can't be found or loaded. what() says why and what to do about it.
class ModuleLoadError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a module name stands for, and where that comes from.
struct FoundModule {
    std::shared_ptr<const ModuleDefinition> definition;  ///< never null; of a library: the one in it
    /// The file it comes from, or what else operators are to be shown of that; empty: it is compiled in.
    std::filesystem::path library{};
};

/// Finds modules that are neither compiled in nor in a shared library: those that are written in another language, for example.
///
/// Its definitions have functions of the host's own program, which all of its modules may share: `carried` says which module is
/// meant. `parse` gets the definition, and what it returns `construct`; so what an instance needs of `carried` goes into the
/// parsed configuration. definition_of gives the other functions, of whichever class the instances are:
///
///     modapi::ModuleDefinition definition = modapi::definition_of<Scripted>();
///     definition.parse = &parse_for_script;
///     definition.carried = std::make_shared<const Script>(std::move(script));
///
/// What takes time before an instance can be built, such as the start of another process, is the definition's `prepare`: the
/// worker serves meanwhile.
///
/// From there on such a module is one as all others: its sections, rules and place, start(), ready(), save(), restore(),
/// stop(). When an operator has the modules read again it is asked again, and an entry that didn't change keeps its instance if
/// the definition equals the one before: so `carried` is the same object as long as the module is the same, and another one
/// when it has to be built anew.
///
/// Thread: one at a time, of all in the process. Lifetime: the resolver shares it; what it has found may outlive it.
class ModuleLoader {
public:
    virtual ~ModuleLoader() = default;
    ModuleLoader() = default;
    ModuleLoader(const ModuleLoader&) = delete;
    ModuleLoader& operator=(const ModuleLoader&) = delete;

    /// None: it has no module of that name, which has a dot before its last part. Errors: ModuleLoadError for one that is there
    /// and can't be used.
    [[nodiscard]] virtual std::optional<FoundModule> find(std::string_view name) = 0;
    /// Likewise for an entry that says more than other modules' entries may: `further` has its keys that the framework doesn't
    /// know, with what they say. A loader takes out those that it knows; who wrote the others is warned that they have no effect.
    /// Errors: also callbacks::ConfigError, whose path begins with such a key.
    [[nodiscard]] virtual std::optional<FoundModule> find_entry(std::string_view name,
                                                                [[maybe_unused]] callbacks::JsonDict& further) {
        return find(name);
    }
    /// Where it has looked in vain, for the message about a name that nobody has, behind "and": "no script
    /// list_spam_checker.txt in /srv/scripts".
    [[nodiscard]] virtual std::string missing(std::string_view name) const = 0;
};

}  // namespace modapi
