#pragma once

#include <modapi/config_section.h>

#include <callbacks/json.h>

#include <compare>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// What an entry says beside its module's name and configuration.
struct PythonEntryKeys {
    bool has_own_process = false;
    /// What the module's http_client reaches although the host's block list has it: `host:port` or a URL each. The contract's
    /// server has no such list, and published modules talk to neighbours by whatever their own configuration calls them.
    std::vector<std::string> may_reach{};

    auto operator<=>(const PythonEntryKeys&) const = default;
};
/// Takes these keys out of those that nobody else knows. Errors: callbacks::ConfigError for one of another kind.
[[nodiscard]] PythonEntryKeys take_entry_keys(callbacks::JsonDict& further);

/// A module as a loader has found it: the same object as long as neither its files nor what its entry says of its process
/// change. Thread: any; it never changes.
struct PythonSource {
    std::string module;          ///< `package.Class`
    std::filesystem::path file;  ///< where its code begins
    std::string fingerprint;     ///< of the package's files
    PythonEntryKeys keys;
    std::uint64_t generation = 0;  ///< processes that began before it may have older code
};

/// Throws what an error that parse_config was answered with means: callbacks::ConfigError with its place in the section, or
/// ModuleLoadError for what is missing. Anything else is a ConfigError of one line; its traceback is logged.
[[noreturn]] void throw_parse_error(const std::string& module, const callbacks::JsonDict& error);
/// One line for an error of the process; its traceback, if it has one, is logged as the module's.
[[nodiscard]] std::string line_of_error(const std::string& module, std::string_view while_doing,
                                        const callbacks::JsonDict& error);

}  // namespace modapi
