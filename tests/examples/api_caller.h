#pragma once

#include <modapi/module_api.h>
#include <modapi/web_resource.h>

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A test's module: calls any method of its ModuleApi, as POST /_synapse/client/api asks with `{"call": NAME, "args": [...]}`.
/// The answer is `{"result": ...}`, or `{"error": {"type", "what", "status", "errcode"}}` of what the method threw.
namespace api_caller {

using async::task;
using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using modapi::ModuleApi;

/// One call: what to call it on, and its arguments, which a null or a missing one leaves at their defaults.
struct Call {
    ModuleApi& api;
    const modapi::Request& request;
    JsonArray args;

    [[nodiscard]] bool has(std::size_t index) const { return index < args.size() && !args[index].is_null(); }
    [[nodiscard]] std::string text(std::size_t index) const { return std::string(args.at(index).as_string()); }
    [[nodiscard]] std::optional<std::string> optional_text(std::size_t index) const {
        return has(index) ? std::optional(text(index)) : std::nullopt;
    }
    [[nodiscard]] bool flag(std::size_t index, bool otherwise = false) const {
        return has(index) ? args[index].as_bool() : otherwise;
    }
    [[nodiscard]] std::optional<std::int64_t> optional_number(std::size_t index) const {
        return has(index) ? std::optional(args[index].as_int64()) : std::nullopt;
    }
    [[nodiscard]] JsonDict object(std::size_t index) const { return has(index) ? args[index].as_object() : JsonDict(); }
    [[nodiscard]] std::vector<std::string> texts(std::size_t index) const {
        std::vector<std::string> found;
        if (!has(index)) return found;
        for (const JsonValue& value : args[index].as_array()) found.emplace_back(value.as_string());
        return found;
    }
    /// From `[[type], [type, state_key], ...]`.
    [[nodiscard]] callbacks::StateFilter filter(std::size_t index) const {
        callbacks::StateFilter found;
        for (const JsonValue& value : args.at(index).as_array()) {
            const JsonArray& entry = value.as_array();
            std::optional<std::string> state_key;
            if (entry.size() > 1) state_key = std::string(entry[1].as_string());
            found.emplace_back(std::string(entry[0].as_string()), state_key);
        }
        return found;
    }
};

inline JsonValue written(const std::optional<std::string>& text) { return text ? JsonValue(*text) : JsonValue(); }
inline JsonValue written(const std::optional<std::int64_t>& number) { return number ? JsonValue(*number) : JsonValue(); }
inline JsonValue written(const std::vector<std::string>& texts) { return JsonArray(texts.begin(), texts.end()); }
inline JsonValue written(const Event& event) { return event.get_dict(); }
inline JsonValue written(const std::vector<Event>& events) {
    JsonArray list;
    for (const Event& event : events) list.emplace_back(written(event));
    return list;
}
/// The state by `type|state_key`.
inline JsonValue written(const callbacks::StateMap& state) {
    JsonDict found;
    for (const auto& [key, event] : state) found[key.first + "|" + key.second] = event.content();
    return found;
}

/// A method under the name that a request calls it by.
struct Method {
    std::string_view name;
    task<JsonValue> (*call)(Call);
};
[[nodiscard]] std::span<const Method> mail_methods();
[[nodiscard]] std::span<const Method> user_methods();
[[nodiscard]] std::span<const Method> room_methods();
[[nodiscard]] std::span<const Method> push_methods();
[[nodiscard]] std::span<const Method> http_methods();
[[nodiscard]] std::span<const Method> internal_methods();

}  // namespace api_caller
