#include <callbacks/storable_json.h>

#include <callbacks/errors.h>
#include <callbacks/text.h>

#include <cmath>
#include <string_view>

namespace callbacks {

namespace {

[[noreturn]] void refuse(const char* why) { throw SynapseError(400, std::string("Bad JSON value: ") + why, Codes::BAD_JSON); }

/// NUL characters pass, which JSON escapes.
void require_text(std::string_view text) {
    if (!is_utf8(text)) refuse("a text isn't UTF-8");
}

void require_depth(int depth) {
    if (depth > max_stored_nesting) refuse("it is nested too deeply");
}

void require_storable(const JsonDict& object, int depth);

void require_storable(const JsonValue& value, int depth) {
    if (value.is_string()) {
        require_text(value.get_string());
    } else if (value.is_double()) {
        if (!std::isfinite(value.get_double())) refuse("a number is infinite or none");
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

}  // namespace

void require_storable(const JsonDict& object) { require_storable(object, 1); }
void require_storable_value(const JsonValue& value) { require_storable(value, 1); }

}  // namespace callbacks
