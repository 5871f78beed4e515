#include <callbacks/storable_json.h>

#include <callbacks/errors.h>
#include <callbacks/text.h>

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace callbacks {

namespace {

constexpr const char* no_number = "a number is infinite or none";
constexpr const char* too_deep = "it is nested too deeply";

[[noreturn]] void refuse(const char* why) { throw SynapseError(400, std::string("Bad JSON value: ") + why, Codes::BAD_JSON); }

/// NUL characters pass, which JSON escapes.
void require_text(std::string_view text) {
    if (!is_utf8(text)) refuse("a text isn't UTF-8");
}

void require_depth(int depth) {
    if (depth > max_stored_nesting) refuse(too_deep);
}

void require_storable(const JsonDict& object, int depth);

void require_storable(const JsonValue& value, int depth) {
    if (value.is_string()) {
        require_text(value.get_string());
    } else if (value.is_double()) {
        if (!std::isfinite(value.get_double())) refuse(no_number);
    } else if (value.is_array()) {
        require_depth(depth);
        for (const JsonValue& element : value.get_array()) require_storable(element, depth + 1);
    } else if (value.is_object()) {
        require_storable(value.get_object(), depth);
    }
}

void require_storable(const JsonDict& object, int depth) {
    require_depth(depth);
    for (const auto& member : object) {
        require_text(member.key());
        require_storable(member.value(), depth + 1);
    }
}

const char* unreadable_because(const JsonDict& object, int depth) noexcept;

const char* unreadable_because(const JsonValue& value, int depth) noexcept {
    if (value.is_double()) return std::isfinite(value.get_double()) ? nullptr : no_number;
    if (value.is_object()) return unreadable_because(value.get_object(), depth);
    if (!value.is_array()) return nullptr;
    if (depth > max_stored_nesting) return too_deep;
    for (const JsonValue& element : value.get_array()) {
        if (const char* const why = unreadable_because(element, depth + 1)) return why;
    }
    return nullptr;
}

const char* unreadable_because(const JsonDict& object, int depth) noexcept {
    if (depth > max_stored_nesting) return too_deep;
    for (const auto& member : object) {
        if (const char* const why = unreadable_because(member.value(), depth + 1)) return why;
    }
    return nullptr;
}

}  // namespace

const char* unreadable_because(const JsonDict& object) noexcept { return unreadable_because(object, 1); }
const char* unreadable_because(const JsonValue& value) noexcept { return unreadable_because(value, 1); }

void dismantle(JsonValue value) {
    std::vector<JsonValue> parts;
    parts.push_back(std::move(value));
    while (!parts.empty()) {
        JsonValue part = std::move(parts.back());
        parts.pop_back();
        if (part.is_array()) {
            for (JsonValue& element : part.get_array()) parts.push_back(std::move(element));
        } else if (part.is_object()) {
            for (auto& member : part.get_object()) parts.push_back(std::move(member.value()));
        }
    }
}

void require_storable(const JsonDict& object) { require_storable(object, 1); }
void require_storable_value(const JsonValue& value) { require_storable(value, 1); }

}  // namespace callbacks
