#include "text/storable_json.h"

#include "text/utf8.h"

#include <callbacks/errors.h>

#include <cmath>
#include <string_view>

namespace homeserver {

namespace {

constexpr int deepest = 110;  // a request's hundred levels, and what is put around them; what is stored is read up to 128

[[noreturn]] void refuse(const char* why) {
    throw callbacks::SynapseError(400, std::string("Bad JSON value: ") + why, callbacks::Codes::BAD_JSON);
}

/// Unlike is_storable_text it lets NUL characters pass, which JSON escapes.
void require_text(std::string_view text) {
    std::size_t from = 0;
    for (std::size_t nul = text.find('\0'); nul != std::string_view::npos; nul = text.find('\0', from)) {
        if (!is_storable_text(text.substr(from, nul - from))) refuse("a text isn't UTF-8");
        from = nul + 1;
    }
    if (!is_storable_text(text.substr(from))) refuse("a text isn't UTF-8");
}

void require_depth(int depth) {
    if (depth > deepest) refuse("it is nested too deeply");
}

void require_storable(const callbacks::JsonDict& object, int depth);

void require_storable(const callbacks::JsonValue& value, int depth) {
    if (value.is_string()) {
        require_text(value.get_string());
    } else if (value.is_double()) {
        if (!std::isfinite(value.get_double())) refuse("a number is infinite or none");
    } else if (value.is_array()) {
        require_depth(depth);
        for (const callbacks::JsonValue& element : value.get_array()) require_storable(element, depth + 1);
    } else if (value.is_object()) {
        require_storable(value.get_object(), depth);
    }
}

void require_storable(const callbacks::JsonDict& object, int depth) {
    require_depth(depth);
    for (const auto& member : object) {
        require_text(member.key());
        require_storable(member.value(), depth + 1);
    }
}

}  // namespace

void require_storable(const callbacks::JsonDict& object) { require_storable(object, 1); }

}  // namespace homeserver
