#include "installation.h"

#include "command.h"

#include <cstdlib>
#include <fstream>
#include <string_view>

namespace command {

namespace {

/// The project that the folder is a build of; empty: it is no build.
std::filesystem::path source_of_build(const std::filesystem::path& folder) {
    constexpr std::string_view key = "CMAKE_HOME_DIRECTORY:INTERNAL=";
    std::ifstream cache(folder / "CMakeCache.txt");
    for (std::string line; std::getline(cache, line);) {
        if (line.starts_with(key)) return line.substr(key.size());
    }
    return {};
}

std::filesystem::path existing(const std::filesystem::path& path, const std::string& package) {
    if (std::filesystem::exists(path)) return path;
    throw Failure(path.string() + " isn't there: install the package " + package);
}

}  // namespace

Installation::Installation()
    : prefix_(std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path()), source_(source_of_build(prefix_)) {}

std::filesystem::path Installation::module_template() const {
    if (!source_.empty()) return source_ / "examples/template";
    return existing(prefix_ / COMMAND_INSTALLED_DATA / "template", "libmodapi-dev");
}

std::filesystem::path Installation::python_template() const {
    if (!source_.empty()) return source_ / "examples/command/python_project";
    return existing(prefix_ / COMMAND_INSTALLED_DATA / "python_project", "modapi-homeserver");
}

std::filesystem::path Installation::python_packages() const {
    if (!source_.empty()) return source_ / "libmodapi/python";
    return existing(prefix_ / COMMAND_INSTALLED_DATA / "python", "modapi-python");
}

std::filesystem::path Installation::homeserver() const { return existing(prefix_ / "bin/homeserver", "modapi-homeserver"); }

std::filesystem::path Installation::modules() const {
    return source_.empty() ? prefix_ / COMMAND_INSTALLED_MODULES : prefix_ / "modules";
}

std::string Installation::program() const {
    const char* const path = std::getenv("PATH");
    const std::string folders = std::string(":") + (path != nullptr ? path : "") + ":";
    if (folders.find(":" + (prefix_ / "bin").string() + ":") != std::string::npos) return "modapi";
    return shell_word(prefix_ / "bin/modapi");
}

std::string Installation::cmake_option() const {
    if (!source_.empty()) return " -Dmodapi_DIR=" + shell_word(prefix_);
    const bool is_usual = prefix_ == "/usr" || prefix_ == "/usr/local";
    return is_usual ? std::string() : " -DCMAKE_PREFIX_PATH=" + shell_word(prefix_);
}

std::string shell_word(const std::filesystem::path& path) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/@%";
    const std::string text = path.string();
    if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
    std::string word = "'";
    for (const char character : text) {
        if (character == '\'') {
            word += "'\\''";
        } else {
            word += character;
        }
    }
    return word + "'";
}

}  // namespace command
