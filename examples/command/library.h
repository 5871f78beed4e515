#pragma once

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_resolver.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace command {

/// The module library that a command is about, read as a host reads it.
class Library {
public:
    /// `given`: a .so file; none: the only one in build/modules. Errors: Failure; ModuleLoadError for what no host would load.
    explicit Library(const std::optional<std::string>& given);

    [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }
    /// What its classes are called in a configuration.
    [[nodiscard]] const std::vector<std::string>& modules() const noexcept { return modules_; }

    /// What a host makes of the entries of a file that are for this module of the library; for any of it, if `module` is empty.
    /// Nothing is read of other libraries' entries. Errors: ConfigurationError.
    [[nodiscard]] std::vector<modapi::ConfiguredModule> entries_in(const modapi::ConfigurationFile& file,
                                                                   std::string_view module = {}) const;
    /// An entry for it that says nothing. Errors: ConfigurationError without a file.
    [[nodiscard]] modapi::ConfiguredModule entry_without_configuration(const std::string& module) const;

private:
    std::filesystem::path file_;
    std::vector<std::string> modules_;
};

/// The file of a module library in the current folder's build. Errors: Failure, unless there is exactly one.
[[nodiscard]] std::filesystem::path only_built_library();

}  // namespace command
