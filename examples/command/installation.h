#pragma once

#include <filesystem>
#include <string>

namespace command {

/// What came with this program and where that lies: in a build of the project, or where it was installed.
class Installation {
public:
    /// Of the program that runs.
    Installation();

    /// The module project to copy. Errors: Failure that names the package which has it.
    [[nodiscard]] std::filesystem::path module_template() const;
    /// The same for a module in Python.
    [[nodiscard]] std::filesystem::path python_template() const;
    /// The folder that has the package `synapse`, for modules in Python. Errors: as above.
    [[nodiscard]] std::filesystem::path python_packages() const;
    /// The reference homeserver. Errors: Failure.
    [[nodiscard]] std::filesystem::path homeserver() const;
    /// The modules that come along with it.
    [[nodiscard]] std::filesystem::path modules() const;
    /// How a shell starts this program: by its name, if that is looked for where it lies.
    [[nodiscard]] std::string program() const;
    /// What `cmake -B build` needs to find modapi here, with a blank before it; empty: it finds it by itself.
    [[nodiscard]] std::string cmake_option() const;

private:
    std::filesystem::path prefix_;
    std::filesystem::path source_;  ///< of the project that this is a build of; empty: it is installed
};

/// A path as a shell takes it for one word.
[[nodiscard]] std::string shell_word(const std::filesystem::path& path);

}  // namespace command
