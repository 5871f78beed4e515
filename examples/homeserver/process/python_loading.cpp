#include "process/python_loading.h"

#include <modapi/hosting/python_modules.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace homeserver {

namespace {

constexpr const char* section_name = "python";

/// Finds nothing, and says why to somebody who has listed a module of Python's.
class NoPythonModules final : public modapi::ModuleLoader {
public:
    [[nodiscard]] std::optional<modapi::FoundModule> find(std::string_view) override { return std::nullopt; }
    [[nodiscard]] std::string missing(std::string_view) const override {
        return "modules that are written in Python aren't looked for (python: {enabled: true, path: [...]})";
    }
};

}  // namespace

void add_python_modules(modapi::ModuleResolver& resolver, const modapi::ConfigurationFile& file,
                        const ServerConfiguration& configuration) {
    if (!configuration.python) return resolver.add_last_resort(std::make_shared<NoPythonModules>());
    for (const std::filesystem::path& path : configuration.python->readable) {
        std::error_code unknown;
        if (!std::filesystem::exists(path, unknown)) file.fail({section_name, "readable"}, "there is no " + path.string());
    }
    modapi::PythonSettings settings = *configuration.python;
    // A module that checks a file reads it where it lies.
    settings.readable.push_back(std::filesystem::absolute(configuration.media.store_path));
    modapi::PythonModules::Facts facts{configuration.server_name, configuration.public_baseurl.url};
    try {
        resolver.add_last_resort(std::make_shared<modapi::PythonModules>(std::move(settings), std::move(facts)));
    } catch (const callbacks::ConfigError& error) {
        modapi::ConfigurationPath place = {section_name};
        place.insert(place.end(), error.path().begin(), error.path().end());
        file.fail(place, error.what());
    } catch (const modapi::ModuleLoadError& error) {
        file.fail({section_name}, error.what());
    }
    // What this server writes only its own user can read.
    const std::optional<std::string>& user = configuration.python->user;
    if (user && ::geteuid() == 0)
        spdlog::warn("python: modules of Python's run as {}, who can't read uploaded files in {}: a check_media_file_for_spam "
                     "of theirs fails with PermissionError when it opens one; if one is to, run the whole server as a user of "
                     "its own, without python.user",
                     *user, configuration.media.store_path.string());
}

}  // namespace homeserver
