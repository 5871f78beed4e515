#include "python_log.h"

#include "python_source.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_loader.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

namespace modapi {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;

std::string one_line(std::string_view text) {
    std::string line(text.substr(0, text.find('\n')));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    return line;
}

}  // namespace

std::string_view text_of(const JsonDict& message, std::string_view member) noexcept {
    const JsonValue* const value = message.if_contains(member);
    if (value == nullptr || !value->is_string()) return {};
    return {value->get_string().data(), value->get_string().size()};
}

std::string python_record(const JsonDict& notice, std::string_view callback) {
    std::string record(text_of(notice, "logger"));
    record.append(record.empty() ? "" : ": ").append(text_of(notice, "text"));
    if (!callback.empty()) record.append(" (in ").append(callback).append(")");
    const std::string_view traceback = text_of(notice, "traceback");
    if (!traceback.empty()) record.append("\n").append(traceback);
    return record;
}

spdlog::level::level_enum python_level(std::string_view word) noexcept {
    if (word == "DEBUG") return spdlog::level::debug;
    if (word == "WARNING") return spdlog::level::warn;
    if (word == "ERROR") return spdlog::level::err;
    if (word == "CRITICAL") return spdlog::level::critical;
    return spdlog::level::info;
}

std::string line_of_error(const std::string& module, std::string_view while_doing, const JsonDict& error) {
    const std::string_view kind = text_of(error, "kind");
    const std::string_view traceback = text_of(error, "traceback");
    if (!traceback.empty()) framework_log().error("module {}: {} failed in Python:\n{}", module, while_doing, traceback);
    std::string line = one_line(text_of(error, kind == "synapse" ? "error" : "text"));
    const std::string_view name = text_of(error, "class");
    if (!name.empty()) line = std::string(name) + (line.empty() ? "" : ": ") + line;
    return line.empty() ? "it failed (" + std::string(kind) + ")" : line;
}

void throw_parse_error(const std::string& module, const JsonDict& error) {
    const std::string_view kind = text_of(error, "kind");
    const std::string line = line_of_error(module, "parse_config", error);
    if (kind == "missing") throw ModuleLoadError(line);
    std::vector<std::string> path;
    if (const JsonValue* const given = error.if_contains("path"); given != nullptr && given->is_array()) {
        for (const JsonValue& part : given->get_array())
            if (part.is_string()) path.emplace_back(part.get_string());
    }
    if (kind == "config") throw callbacks::ConfigError(line, std::move(path));
    throw callbacks::ConfigError("parse_config failed: " + line);
}

}  // namespace modapi
