#include <modapi/request_target.h>
#include <modapi/web_resource.h>

#include <async/callback_frame.h>
#include <async/sleep.h>
#include <async/waiting_runs.h>

#include <boost/json/parse.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace modapi {

namespace {

using callbacks::RegistrationError;
using callbacks::SynapseError;

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

/// As the dispatchers count callbacks; every run is timed, next to a request that costs nothing, as if each had waited.
void count(async::callback_identity& served, const async::dispatch_settings& settings, async::clock::duration took,
           bool failed) {
    using async::callback_statistics;
    callback_statistics& counted = served.statistics;
    const auto ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
    callback_statistics::add(counted.runs);
    if (failed) callback_statistics::add(counted.errors);
    counted.measure(ns, true);
    if (took > settings.slow && settings.observer != nullptr) settings.observer->on_slow(served, took);
}

/// Named by what the client has sent, in which no line can end. Whatever the resource waited for has been cancelled.
std::exception_ptr too_late(const Request& request, async::clock::duration deadline) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(deadline).count();
    return std::make_exception_ptr(std::runtime_error(request.method + " " + std::string(split_target(request.target).path) +
                                                      " was cut after " + std::to_string(milliseconds) +
                                                      " ms (web_resource_deadline)"));
}

/// The resources of this room answer 500 themselves for what their handlers throw.
bool is_failure(const std::optional<Response>& response, const std::exception_ptr& thrown) {
    constexpr int internal_server_error = 500;
    if (thrown) return !callbacks::is_synapse_error(thrown);
    return response && response->status == internal_server_error;
}

}  // namespace

Request Request::of(std::string method, std::string target) {
    Request made;
    made.method = std::move(method);
    made.target = std::move(target);
    const RequestTarget parts = split_target(made.target);
    made.path = percent_decoded(parts.path);
    made.query = parse_query(parts.query);
    return made;
}

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

struct WebResources::Entry {
    Entry(std::string claimed, const std::string& module, std::shared_ptr<WebResource> served_by)
        : path(std::move(claimed)), resource(std::move(served_by)), identity(module, path) {}

    const std::string path;
    std::shared_ptr<WebResource> resource;
    async::callback_identity identity;
};

std::vector<std::string> WebResources::usual_reserved_paths() {
    return {"/_matrix/client", "/_matrix/federation", "/_matrix/media", "/_matrix/key", "/_synapse/admin"};
}

WebResources::WebResources(std::vector<std::string> reserved_paths) : reserved_(std::move(reserved_paths)) {}

void WebResources::check_path(const std::string& path) const {
    if (path.empty() || path.front() != '/')
        throw RegistrationError("the path of a web resource must begin with a slash: " + path);
    if (path.find_first_of("?#%") != std::string::npos) {
        throw RegistrationError("the path of a web resource is plain text, without a query and percent signs: " + path);
    }
    if (path.find("//") != std::string::npos || is_at_or_below(path, "/.") || path.find("/./") != std::string::npos ||
        path.find("/../") != std::string::npos || path.ends_with("/..") || path.ends_with("/.")) {
        throw RegistrationError("the path of a web resource must not have empty, . or .. segments: " + path);
    }
    for (const std::string& served : reserved_) {
        const bool above = path == "/" || is_at_or_below(served, path);
        if (!above && !is_at_or_below(path, served)) continue;
        throw RegistrationError("a web resource can't be at " + path + ": the server itself serves " + served);
    }
}

bool WebResources::add(std::string path, std::shared_ptr<WebResource> resource, std::string_view module) {
    if (closed_) throw RegistrationError("tried to register a web resource after startup: " + path);
    if (resource == nullptr) throw RegistrationError("tried to register a web resource that isn't there: " + path);
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    check_path(path);
    for (const std::shared_ptr<Entry>& entry : entries_) {
        if (entry->path == path) return false;
    }
    entries_.push_back(std::make_shared<Entry>(std::move(path), std::string(module), std::move(resource)));
    return true;
}

bool WebResources::add_from(const WebResources& other, std::string_view path) {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    for (const std::shared_ptr<Entry>& entry : entries_) {
        if (entry->path == path) return false;
    }
    for (const std::shared_ptr<Entry>& entry : other.entries_) {
        if (entry->path == path) entries_.push_back(entry);
    }
    return true;
}

const WebResources::Entry* WebResources::entry_for(std::string_view path) const noexcept {
    const Entry* longest = nullptr;
    for (const std::shared_ptr<Entry>& entry : entries_) {
        if (!is_at_or_below(path, entry->path)) continue;
        if (longest == nullptr || entry->path.size() > longest->path.size()) longest = entry.get();
    }
    return longest;
}

WebResource* WebResources::find(std::string_view path) const noexcept {
    const Entry* const entry = entry_for(path);
    return entry != nullptr ? entry->resource.get() : nullptr;
}

std::string_view WebResources::owner(std::string_view path) const noexcept {
    const Entry* const entry = entry_for(path);
    return entry != nullptr ? std::string_view(entry->identity.module) : std::string_view();
}

const async::callback_identity* WebResources::identity_of(std::string_view path) const noexcept {
    const Entry* const entry = entry_for(path);
    return entry != nullptr ? &entry->identity : nullptr;
}

async::task<std::optional<Response>> WebResources::serve(const Request& request, const async::dispatch_settings& settings,
                                                         async::clock::duration deadline) const {
    // A stop on another chain may drop the entries.
    std::shared_ptr<Entry> entry;
    if (const Entry* const found = entry_for(request.path); found != nullptr) {
        entry = *std::find_if(entries_.begin(), entries_.end(), [&](const auto& each) { return each.get() == found; });
    }
    if (entry == nullptr) co_return std::nullopt;
    const async::context& outer = co_await async::this_context;
    async::callback_frame frame(outer);
    frame.enter(entry->identity);
    const async::clock::time_point began = outer.clock().now();
    async::listed_run listed(settings.waiting, entry->identity, frame.here(), began);
    std::optional<Response> response;
    std::exception_ptr failure;
    try {
        async::task<Response> handling = entry->resource->handle(request);
        if (deadline > async::clock::duration(0)) handling = async::with_deadline(deadline, std::move(handling));
        response = co_await std::move(handling).in(frame.here());
    } catch (...) {
        failure = std::current_exception();
    }
    frame.leave();
    const async::clock::duration took = outer.clock().now() - began;
    count(entry->identity, settings, took, is_failure(response, failure));
    if (failure) {
        outer.throw_if_cancelled();
        // Whatever it made of that: a shorter deadline of its own may have expired at other times.
        const bool is_late = deadline > async::clock::duration(0) && took >= deadline;
        if (is_late) failure = too_late(request, deadline);
        if (!callbacks::is_synapse_error(failure) && settings.observer != nullptr) {
            async::observed_run run(entry->identity, frame.here());
            run.took = took;
            run.fails_the_call = true;
            settings.observer->on_error(run, async::error_level::error, failure);
        }
        if (is_late) failure = std::make_exception_ptr(SynapseError(504, "This page took too long"));
        response = error_response(failure);
    }
    co_return response;
}

}  // namespace modapi
