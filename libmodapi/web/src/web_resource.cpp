#include <modapi/web_resource.h>

#include <boost/json/parse.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace modapi {

namespace {

using callbacks::RegistrationError;
using callbacks::SynapseError;

/// What the host serves itself, with everything below.
constexpr std::string_view paths_of_the_host[] = {"/_matrix/client", "/_matrix/federation", "/_matrix/media", "/_matrix/key",
                                                  "/_synapse/admin"};

constexpr int max_json_depth = 100;

/// `1e999` is JSON and becomes infinity, which is none: who stored it could never read it again.
bool can_be_written(const callbacks::JsonValue& value) noexcept {
    if (value.is_double()) return std::isfinite(value.get_double());
    if (value.is_array()) return std::all_of(value.get_array().begin(), value.get_array().end(), &can_be_written);
    if (!value.is_object()) return true;
    return std::all_of(value.get_object().begin(), value.get_object().end(),
                       [](const auto& member) { return can_be_written(member.value()); });
}

bool same_ignoring_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

/// Whether `path` is `prefix` or lies below it, by whole segments.
bool is_at_or_below(std::string_view path, std::string_view prefix) {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

void check_path(const std::string& path) {
    if (path.empty() || path.front() != '/')
        throw RegistrationError("the path of a web resource must begin with a slash: " + path);
    if (path.find_first_of("?#%") != std::string::npos) {
        throw RegistrationError("the path of a web resource is plain text, without a query and percent signs: " + path);
    }
    if (path.find("//") != std::string::npos || is_at_or_below(path, "/.") || path.find("/./") != std::string::npos ||
        path.find("/../") != std::string::npos || path.ends_with("/..") || path.ends_with("/.")) {
        throw RegistrationError("the path of a web resource must not have empty, . or .. segments: " + path);
    }
    for (const std::string_view served : paths_of_the_host) {
        const bool above = path == "/" || is_at_or_below(served, path);
        if (!above && !is_at_or_below(path, served)) continue;
        throw RegistrationError("a web resource can't be at " + path + ": the server itself serves " + std::string(served));
    }
}

}  // namespace

std::optional<std::string> Request::argument(std::string_view name) const {
    for (const auto& [key, value] : query) {
        if (key == name) return value;
    }
    return std::nullopt;
}

std::string Request::required_argument(std::string_view name) const {
    std::optional<std::string> value = argument(name);
    if (!value) throw SynapseError(400, "Missing string query parameter " + std::string(name), callbacks::Codes::MISSING_PARAM);
    return std::move(*value);
}

std::optional<std::string> Request::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (same_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
}

callbacks::JsonDict Request::json_object() const {
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    boost::json::error_code error;
    boost::json::value parsed = boost::json::parse(body, error, {}, options);
    if (error) throw SynapseError(400, "Content not JSON.", callbacks::Codes::NOT_JSON);
    if (!parsed.is_object()) throw SynapseError(400, "Content must be a JSON object.", callbacks::Codes::BAD_JSON);
    if (!can_be_written(parsed)) {
        throw SynapseError(400, "Content has a number beyond the range of a double.", callbacks::Codes::BAD_JSON);
    }
    return std::move(parsed.get_object());
}

bool WebResources::add(std::string path, std::shared_ptr<WebResource> resource, std::string_view module) {
    if (closed_) throw RegistrationError("tried to register a web resource after startup: " + path);
    if (resource == nullptr) throw RegistrationError("tried to register a web resource that isn't there: " + path);
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    check_path(path);
    for (const Entry& entry : entries_) {
        if (entry.path == path) return false;
    }
    entries_.push_back({std::move(path), std::string(module), std::move(resource)});
    return true;
}

const WebResources::Entry* WebResources::entry_for(std::string_view path) const noexcept {
    const Entry* longest = nullptr;
    for (const Entry& entry : entries_) {
        if (!is_at_or_below(path, entry.path)) continue;
        if (longest == nullptr || entry.path.size() > longest->path.size()) longest = &entry;
    }
    return longest;
}

WebResource* WebResources::find(std::string_view path) const noexcept {
    const Entry* const entry = entry_for(path);
    return entry != nullptr ? entry->resource.get() : nullptr;
}

std::string_view WebResources::owner(std::string_view path) const noexcept {
    const Entry* const entry = entry_for(path);
    return entry != nullptr ? std::string_view(entry->module) : std::string_view();
}

}  // namespace modapi
