#include <modapi/hosting/python_settings.h>

#include <modapi/byte_size.h>
#include <modapi/duration.h>

#include <dlfcn.h>

#include <system_error>

namespace modapi {

namespace {

constexpr std::uint64_t least_memory = 64ULL * 1024 * 1024;  // the interpreter with Twisted has about 45 MiB

std::vector<std::filesystem::path> folders_at(const ConfigSection& section, std::string_view key) {
    std::vector<std::filesystem::path> folders;
    for (const std::string& folder : section.value_or<std::vector<std::string>>(key, {})) {
        if (!std::filesystem::path(folder).is_absolute()) section.fail(key, "must have absolute paths, not " + folder);
        folders.emplace_back(folder);
    }
    return folders;
}

}  // namespace

std::optional<PythonSettings> PythonSettings::of(const ConfigSection& section) {
    section.refuse_unknown_keys(
        {"enabled", "path", "interpreter", "user", "memory", "readable", "writable", "construction_limit"});
    PythonSettings settings;
    settings.path = folders_at(section, "path");
    if (const std::optional<std::string> interpreter = section.optional<std::string>("interpreter")) {
        settings.interpreter = *interpreter;
        if (!settings.interpreter.is_absolute()) section.fail("interpreter", "must be an absolute path");
    }
    settings.user = section.optional<std::string>("user");
    if (const std::optional<std::int64_t> memory = optional_byte_size(section, "memory")) {
        settings.memory = static_cast<std::uint64_t>(*memory);
        if (*memory < 0 || settings.memory < least_memory) section.fail("memory", "must be at least 64M");
    }
    settings.readable = folders_at(section, "readable");
    settings.writable = folders_at(section, "writable");
    if (const std::optional<std::chrono::milliseconds> limit = optional_duration(section, "construction_limit")) {
        settings.construction_limit = *limit;
        if (limit->count() <= 0) section.fail("construction_limit", "must be more than 0");
    }
    settings.folder = python_bridge_folder();
    // Last: a section that isn't in force is checked all the same.
    if (!section.value_or<bool>("enabled", false)) return std::nullopt;
    return settings;
}

std::filesystem::path python_bridge_folder() {
    Dl_info here{};
    std::error_code unknown;
    if (::dladdr(reinterpret_cast<const void*>(&python_bridge_folder), &here) != 0 && here.dli_fname != nullptr) {
        const std::filesystem::path library = std::filesystem::canonical(here.dli_fname, unknown);
        for (const char* const place : {"../share/modapi/python", "../../share/modapi/python"}) {
            const std::filesystem::path installed = (library.parent_path() / place).lexically_normal();
            if (std::filesystem::exists(installed / "modapi_bridge", unknown)) return installed;
        }
    }
    return std::filesystem::path(MODAPI_PYTHON_SOURCES).lexically_normal();
}

}  // namespace modapi
