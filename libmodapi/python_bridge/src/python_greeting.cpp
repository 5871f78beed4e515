#include "python_greeting.h"

#include "python_callbacks.h"
#include "python_connection.h"

#include <modapi/hosting/log.h>
#include <modapi/module_api.h>

#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <string_view>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

/// As Python calls it.
std::string_view log_level() {
    switch (framework_log().level()) {
        case spdlog::level::trace:
        case spdlog::level::debug:
            return "DEBUG";
        case spdlog::level::info:
            return "INFO";
        case spdlog::level::warn:
            return "WARNING";
        case spdlog::level::err:
            return "ERROR";
        default:
            return "CRITICAL";
    }
}

JsonValue or_null(const std::optional<std::string>& text) { return text ? JsonValue(*text) : JsonValue(nullptr); }

JsonValue base_url(std::string url) {
    if (url.empty()) return nullptr;
    if (!url.ends_with('/')) url.push_back('/');
    return JsonValue(url);
}

JsonDict common(const PythonSettings& settings, const std::filesystem::path& directory) {
    JsonDict greeting;
    greeting["do"] = "greet";
    JsonArray path;
    for (const std::filesystem::path& folder : settings.path) path.emplace_back(folder.string());
    greeting["path"] = std::move(path);
    greeting["directory"] = directory.string();
    greeting["callbacks"] = declared_callbacks();
    greeting["log_level"] = log_level();
    greeting["frame_limit"] = PythonConnection::frame_limit;
    return greeting;
}

}  // namespace

JsonDict greeting_of(const PythonSettings& settings, const std::filesystem::path& directory, ModuleApi& api) {
    JsonDict greeting = common(settings, directory);
    greeting["server_name"] = api.server_name();
    greeting["public_baseurl"] = base_url(api.public_baseurl());
    greeting["email_app_name"] = api.email_app_name();
    greeting["worker_name"] = or_null(api.worker_name());
    greeting["worker_app"] = or_null(api.worker_app());
    greeting["is_main"] = !api.worker_name().has_value();
    greeting["runs_background_tasks"] = api.should_run_background_tasks();
    JsonDict templates;
    templates["operator"] = or_null(api.custom_template_dir());
    templates["host"] = JsonArray();
    greeting["templates"] = std::move(templates);
    return greeting;
}

JsonDict greeting_of(const PythonSettings& settings, const std::filesystem::path& directory,
                     const PythonModules::Facts& facts) {
    JsonDict greeting = common(settings, directory);
    greeting["server_name"] = facts.server_name;
    greeting["public_baseurl"] = base_url(facts.public_baseurl.value_or(std::string()));
    greeting["runs_background_tasks"] = false;
    return greeting;
}

}  // namespace modapi
