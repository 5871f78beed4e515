#include "operation_values.h"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

[[noreturn]] void refuse_argument(std::string_view wanted, const JsonValue& given) {
    throw WrongPythonValue("has to be " + std::string(wanted) + ", and is " + kind_of(given));
}

const JsonValue& part_of_request(const JsonValue& object, std::string_view name) {
    static const JsonValue none;
    if (!object.is_object()) refuse_argument("a dictionary", object);
    const JsonValue* const found = object.get_object().if_contains(name);
    return found != nullptr ? *found : none;
}

/// A value of a query, which Python writes as text.
std::string query_text(const JsonValue& value) {
    if (value.is_bool()) return value.get_bool() ? "True" : "False";
    if (value.is_number()) return boost::json::serialize(value);
    return OperationArgument<std::string>::read(value);
}

std::pair<std::string, std::string> text_pair(const JsonValue& value) {
    const JsonArray* const both = value.if_array();
    if (both == nullptr || both->size() != 2) refuse_argument("a pair of texts", value);
    return {query_text((*both)[0]), query_text((*both)[1])};
}

}  // namespace

std::string OperationArgument<std::string>::read(const JsonValue& given) {
    if (!given.is_string()) refuse_argument("text", given);
    return std::string(given.get_string());
}

bool OperationArgument<bool>::read(const JsonValue& given) { return is_true(given); }

std::int64_t OperationArgument<std::int64_t>::read(const JsonValue& given) {
    // The largest power of two that both an integer of 64 bits and the next float below it can say.
    constexpr double limit = 9223372036854774784.0;
    if (given.is_double() && std::isfinite(given.get_double()) && std::abs(given.get_double()) <= limit)
        return static_cast<std::int64_t>(given.get_double());
    if (!given.is_int64()) refuse_argument("an integer of 64 bits", given);
    return given.get_int64();
}

std::uint64_t OperationArgument<std::uint64_t>::read(const JsonValue& given) {
    const std::int64_t number = OperationArgument<std::int64_t>::read(given);
    if (number < 0) throw WrongPythonValue("has to be 0 or more");
    return static_cast<std::uint64_t>(number);
}

JsonDict OperationArgument<JsonDict>::read(const JsonValue& given) {
    if (given.is_null()) return JsonDict();
    if (!given.is_object()) refuse_argument("a dictionary", given);
    return given.get_object();
}

JsonArray OperationArgument<JsonArray>::read(const JsonValue& given) {
    if (given.is_null()) return JsonArray();
    if (!given.is_array()) refuse_argument("a list", given);
    return given.get_array();
}

callbacks::UserID OperationArgument<callbacks::UserID>::read(const JsonValue& given) {
    return callbacks::UserID(OperationArgument<std::string>::read(given));
}

callbacks::RoomID OperationArgument<callbacks::RoomID>::read(const JsonValue& given) {
    return callbacks::RoomID(OperationArgument<std::string>::read(given));
}

callbacks::StateFilterEntry OperationArgument<callbacks::StateFilterEntry>::read(const JsonValue& given) {
    const JsonArray* const both = given.if_array();
    if (both == nullptr || both->size() != 2) refuse_argument("pairs of an event type, and a state key or None", given);
    return {OperationArgument<std::string>::read((*both)[0]), OperationArgument<std::optional<std::string>>::read((*both)[1])};
}

PresenceUpdates OperationArgument<PresenceUpdates>::read(const JsonValue& given) {
    PresenceUpdates updates;
    for (const auto& [user, state] : OperationArgument<JsonDict>::read(given)) {
        const JsonArray* const both = state.if_array();
        if (both == nullptr || both->size() != 2) refuse_argument("pairs of a state, and a message or None", state);
        updates.emplace(user, PresenceUpdate(OperationArgument<std::string>::read((*both)[0]),
                                             OperationArgument<std::optional<std::string>>::read((*both)[1])));
    }
    return updates;
}

Request OperationArgument<Request>::read(const JsonValue& given) {
    Request request = Request::of(OperationArgument<std::string>::read(part_of_request(given, "method")),
                                  OperationArgument<std::string>::read(part_of_request(given, "uri")));
    request.headers = OperationArgument<HttpHeaders>::read(part_of_request(given, "headers"));
    request.client_address =
        OperationArgument<std::optional<std::string>>::read(part_of_request(given, "client")).value_or(std::string());
    return request;
}

HttpHeaders OperationArgument<HttpHeaders>::read(const JsonValue& given) {
    HttpHeaders pairs;
    if (const JsonArray* const list = given.if_array()) {
        for (const JsonValue& pair : *list) pairs.push_back(text_pair(pair));
        return pairs;
    }
    for (const auto& [name, value] : OperationArgument<JsonDict>::read(given)) {
        if (const JsonArray* const values = value.if_array()) {
            for (const JsonValue& one : *values) pairs.emplace_back(name, query_text(one));
        } else {
            pairs.emplace_back(name, query_text(value));
        }
    }
    return pairs;
}

const JsonValue& OperationArguments::at(std::string_view name) const {
    const JsonValue* const found = arguments_.if_contains(name);
    if (found == nullptr) throw std::invalid_argument("the argument " + std::string(name) + " is missing");
    return *found;
}

void OperationArguments::throw_wrong(std::string_view name, const WrongPythonValue& wrong) {
    throw std::invalid_argument(std::string(name) + " " + wrong.what());
}

JsonValue operation_result(const std::string& text) { return to_python(text); }
JsonValue operation_result(const callbacks::UserInfo& user) { return to_python(user); }
JsonValue operation_result(const callbacks::Requester& requester) { return to_python(requester); }
JsonValue operation_result(const callbacks::ProfileInfo& profile) { return to_python(profile); }
JsonValue operation_result(const callbacks::UserIpAndAgent& seen) { return to_python(seen); }

JsonValue operation_result(const callbacks::ThirdPartyID& id) {
    JsonDict described;
    described["medium"] = id.medium;
    described["address"] = id.address;
    described["validated_at"] = id.validated_at;
    described["added_at"] = id.added_at;
    return described;
}

JsonValue operation_result(const callbacks::RegisteredDevice& device) {
    JsonArray parts;
    parts.push_back(to_python(device.device_id));
    parts.push_back(to_python(device.access_token));
    parts.push_back(to_python(device.expires_at_ms));
    parts.push_back(to_python(device.refresh_token));
    return parts;
}

JsonValue operation_result(const callbacks::Event& event) { return to_python(event); }

JsonValue operation_result(const callbacks::StateMap& state) {
    EventDetails details;
    details.room_version = room_version_of(state);
    JsonArray events;
    events.reserve(state.size());
    for (const auto& [key, event] : state) events.push_back(held_event(event, details));
    return tagged("$state_events", std::move(events));
}

JsonValue operation_result(const callbacks::RoomAlias& alias) { return to_python(alias); }
JsonValue operation_result(const JsonValue& json) { return json_to_python(json); }

JsonValue operation_result(const std::shared_ptr<const JsonDict>& json) {
    return json != nullptr ? json_to_python(JsonValue(*json, callbacks::JsonMemory())) : JsonValue(nullptr);
}

JsonValue operation_result(const std::map<std::string, bool>& by_name) {
    JsonDict object;
    for (const auto& [name, truth] : by_name) object.emplace(name, truth);
    return json_to_python(std::move(object));
}

JsonValue operation_result(const Response& response) {
    JsonDict parts;
    parts["status"] = response.status;
    parts["headers"] = headers_to_python(response.headers);
    parts["body"] = bytes_to_python(response.body);
    return parts;
}

JsonArray headers_to_python(const HttpHeaders& headers) {
    JsonArray pairs;
    for (const auto& [name, value] : headers) {
        JsonArray pair;
        pair.push_back(to_python(name));
        pair.push_back(to_python(value));
        pairs.push_back(std::move(pair));
    }
    return pairs;
}

}  // namespace modapi
