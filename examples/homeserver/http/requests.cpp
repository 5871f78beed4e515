#include "http/requests.h"

#include "text/utf8.h"

#include <charconv>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;

[[noreturn]] void refuse_member(std::string_view key, std::string_view wanted) {
    throw SynapseError(400, "'" + std::string(key) + "' must be " + std::string(wanted), Codes::INVALID_PARAM);
}

}  // namespace

std::string access_token_of(const RoutedRequest& request) {
    constexpr std::string_view scheme = "Bearer ";
    if (const std::optional<std::string> header = request.http.header("Authorization")) {
        return header->starts_with(scheme) ? header->substr(scheme.size()) : std::string();
    }
    return request.http.argument("access_token").value_or(std::string());
}

callbacks::JsonDict required_json_body(const RoutedRequest& request) { return request.http.json_object(); }

callbacks::JsonDict json_body(const RoutedRequest& request) {
    if (request.http.body.empty()) return {};
    return required_json_body(request);
}

std::optional<std::string> string_member(const callbacks::JsonDict& body, std::string_view key) {
    std::optional<std::string> value = secret_member(body, key);
    if (value && value->find('\0') != std::string::npos) refuse_member(key, "a string without NUL characters");
    return value;
}

std::optional<std::string> secret_member(const callbacks::JsonDict& body, std::string_view key) {
    const callbacks::JsonValue* const value = body.if_contains(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) refuse_member(key, "a string");
    return std::string(value->get_string());
}

std::string required_string_member(const callbacks::JsonDict& body, std::string_view key) {
    std::optional<std::string> value = string_member(body, key);
    if (!value) throw SynapseError(400, "Missing key '" + std::string(key) + "'", Codes::MISSING_PARAM);
    return std::move(*value);
}

std::optional<std::string> optional_string_member(const callbacks::JsonDict& body, std::string_view key) {
    const callbacks::JsonValue* const value = body.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return string_member(body, key);
}

bool flag_member(const callbacks::JsonDict& body, std::string_view key, bool otherwise) {
    const callbacks::JsonValue* const value = body.if_contains(key);
    if (value == nullptr) return otherwise;
    if (!value->is_bool()) refuse_member(key, "true or false");
    return value->get_bool();
}

std::optional<std::int64_t> integer_argument(const RoutedRequest& request, std::string_view name) {
    const std::optional<std::string> text = request.http.argument(name);
    if (!text) return std::nullopt;
    std::int64_t value = 0;
    const std::from_chars_result read = std::from_chars(text->data(), text->data() + text->size(), value);
    if (read.ec != std::errc() || read.ptr != text->data() + text->size()) {
        throw SynapseError(400, "Query parameter '" + std::string(name) + "' must be an integer", Codes::INVALID_PARAM);
    }
    return value;
}

callbacks::UserID user_parameter(const RoutedRequest& request, std::size_t index) {
    return callbacks::UserID(request.path_parameters.at(index));
}

modapi::Response ok(callbacks::JsonDict body) { return modapi::json_response(200, std::move(body)); }
modapi::Response ok() { return ok(callbacks::JsonDict()); }

std::string client_address_of(const RoutedRequest& request) { return request.http.client_address; }
std::optional<std::string> user_agent_of(const RoutedRequest& request) {
    std::optional<std::string> agent = request.http.header("User-Agent");
    if (agent && !is_storable_text(*agent)) return std::nullopt;
    return agent;
}

void deny_if_spam(const callbacks::Verdict& verdict, const std::string& text) {
    if (!verdict.is_spam()) return;
    const std::optional<std::string_view> own_text = verdict.text();
    throw SynapseError(403, own_text ? std::string(*own_text) : text, std::string(verdict.errcode()),
                       verdict.additional_fields());
}

}  // namespace homeserver
