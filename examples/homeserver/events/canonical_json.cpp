#include "events/canonical_json.h"

#include <callbacks/errors.h>

#include <algorithm>
#include <vector>

namespace homeserver {
namespace {

[[noreturn]] void refuse_number() {
    throw callbacks::SynapseError(400, "Bad JSON value: integer out of range or not an integer", callbacks::Codes::BAD_JSON);
}

void append(std::string& text, std::string_view string) {
    static constexpr char digits[] = "0123456789abcdef";
    text += '"';
    for (const char character : string) {
        switch (character) {
            case '"':
                text += "\\\"";
                break;
            case '\\':
                text += "\\\\";
                break;
            case '\b':
                text += "\\b";
                break;
            case '\f':
                text += "\\f";
                break;
            case '\n':
                text += "\\n";
                break;
            case '\r':
                text += "\\r";
                break;
            case '\t':
                text += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(character) < 0x20) {
                    text += "\\u00";
                    text += digits[static_cast<unsigned char>(character) >> 4];
                    text += digits[static_cast<unsigned char>(character) & 15];
                } else {
                    text += character;
                }
        }
    }
    text += '"';
}

void append(std::string& text, const callbacks::JsonValue& value);

void append(std::string& text, const callbacks::JsonDict& object) {
    // Bytes of UTF-8, compared as unsigned, order like code points do.
    std::vector<const callbacks::JsonDict::value_type*> members;
    members.reserve(object.size());
    for (const callbacks::JsonDict::value_type& member : object) members.push_back(&member);
    std::sort(members.begin(), members.end(), [](const auto* left, const auto* right) {
        return std::string_view(left->key()) < std::string_view(right->key());
    });
    text += '{';
    bool first = true;
    for (const callbacks::JsonDict::value_type* const member : members) {
        if (!first) text += ',';
        first = false;
        append(text, std::string_view(member->key()));
        text += ':';
        append(text, member->value());
    }
    text += '}';
}

void append(std::string& text, const callbacks::JsonValue& value) {
    switch (value.kind()) {
        case boost::json::kind::null:
            text += "null";
            break;
        case boost::json::kind::bool_:
            text += value.get_bool() ? "true" : "false";
            break;
        case boost::json::kind::int64:
            if (value.get_int64() > max_integer || value.get_int64() < -max_integer) refuse_number();
            text += std::to_string(value.get_int64());
            break;
        case boost::json::kind::uint64:
            if (value.get_uint64() > static_cast<std::uint64_t>(max_integer)) refuse_number();
            text += std::to_string(value.get_uint64());
            break;
        case boost::json::kind::double_:
            refuse_number();
        case boost::json::kind::string:
            append(text, std::string_view(value.get_string()));
            break;
        case boost::json::kind::array: {
            text += '[';
            bool first = true;
            for (const callbacks::JsonValue& element : value.get_array()) {
                if (!first) text += ',';
                first = false;
                append(text, element);
            }
            text += ']';
            break;
        }
        case boost::json::kind::object:
            append(text, value.get_object());
            break;
    }
}

}  // namespace

std::string canonical_json(const callbacks::JsonValue& value) {
    std::string text;
    append(text, value);
    return text;
}

std::string canonical_json(const callbacks::JsonDict& object) {
    std::string text;
    append(text, object);
    return text;
}

}  // namespace homeserver
