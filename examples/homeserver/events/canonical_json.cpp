#include "events/canonical_json.h"

#include <callbacks/errors.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace homeserver {
namespace {

[[noreturn]] void refuse_number() {
    throw callbacks::SynapseError(400, "Bad JSON value: integer out of range or not an integer", callbacks::Codes::BAD_JSON);
}

void append_escaped(std::string& text, unsigned char character) {
    static constexpr char digits[] = "0123456789abcdef";
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
            text += "\\u00";
            text += digits[character >> 4];
            text += digits[character & 15];
    }
}

void append(std::string& text, std::string_view string) {
    const auto is_escaped = [](char character) {
        return static_cast<unsigned char>(character) < 0x20 || character == '"' || character == '\\';
    };
    text += '"';
    for (auto rest = string.begin(); rest != string.end();) {
        const auto special = std::find_if(rest, string.end(), is_escaped);
        text.append(rest, special);
        if (special == string.end()) break;
        append_escaped(text, static_cast<unsigned char>(*special));
        rest = std::next(special);
    }
    text += '"';
}

void append(std::string& text, const callbacks::JsonValue& value);

void append(std::string& text, std::vector<CanonicalMember>& members) {
    // Bytes of UTF-8, compared as unsigned, order like code points do.
    std::sort(members.begin(), members.end());
    text += '{';
    bool first = true;
    for (const auto& [key, value] : members) {
        if (!first) text += ',';
        first = false;
        append(text, key);
        text += ':';
        append(text, *value);
    }
    text += '}';
}

void append(std::string& text, const callbacks::JsonDict& object) {
    std::vector<CanonicalMember> members;
    members.reserve(object.size());
    for (const callbacks::JsonDict::value_type& member : object) members.emplace_back(member.key(), &member.value());
    append(text, members);
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

std::string canonical_json(std::vector<CanonicalMember> members) {
    std::string text;
    append(text, members);
    return text;
}

std::string canonical_json_without(const callbacks::JsonDict& object, std::initializer_list<std::string_view> left_out) {
    std::vector<CanonicalMember> members;
    members.reserve(object.size());
    for (const callbacks::JsonDict::value_type& member : object) {
        const std::string_view key = member.key();
        if (std::find(left_out.begin(), left_out.end(), key) == left_out.end()) members.emplace_back(key, &member.value());
    }
    return canonical_json(std::move(members));
}

}  // namespace homeserver
