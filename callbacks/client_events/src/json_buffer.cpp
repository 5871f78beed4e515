#include <callbacks/json_buffer.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <new>
#include <stdexcept>

namespace callbacks {

namespace {

constexpr std::size_t min_capacity = 512;
constexpr std::size_t max_escape = 6;  // \u001f

char* write_escaped(char* to, char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    *to++ = '\\';
    switch (c) {
        case '"':
        case '\\':
            *to++ = c;
            return to;
        case '\b':
            *to++ = 'b';
            return to;
        case '\f':
            *to++ = 'f';
            return to;
        case '\n':
            *to++ = 'n';
            return to;
        case '\r':
            *to++ = 'r';
            return to;
        case '\t':
            *to++ = 't';
            return to;
        default:
            break;
    }
    const auto code = static_cast<unsigned char>(c);
    *to++ = 'u';
    *to++ = '0';
    *to++ = '0';
    *to++ = digits[code >> 4];
    *to++ = digits[code & 0xf];
    return to;
}

}  // namespace

JsonBuffer::~JsonBuffer() { ::operator delete(bytes_.begin); }

void JsonBuffer::grow(std::size_t bytes) {
    const std::size_t used = size();
    if (bytes > max_bytes || used > max_bytes - bytes) throw std::length_error("a JSON text of more than a gigabyte");
    const auto capacity = static_cast<std::size_t>(bytes_.limit - bytes_.begin);
    const std::size_t grown = std::max({min_capacity, capacity * 2, used + bytes});
    char* const memory = static_cast<char*>(::operator new(grown));
    if (used > 0) std::memcpy(memory, bytes_.begin, used);
    ::operator delete(bytes_.begin);
    bytes_.begin = memory;
    bytes_.end = memory + used;
    bytes_.limit = memory + grown;
}

void JsonBuffer::escaped_string(std::string_view text) {
    char* at = reserve(text.size() * max_escape + 2);
    *at++ = '"';
    for (const char c : text) {
        if (needs_escape(c)) {
            at = write_escaped(at, c);
        } else {
            *at++ = c;
        }
    }
    *at++ = '"';
    commit(at);
}

void JsonBuffer::number(double number) {
    constexpr std::size_t max_double = 32;
    if (!std::isfinite(number)) return null();
    char* const from = reserve(max_double);
    char* to = std::to_chars(from, bytes_.limit, number).ptr;
    const bool reads_as_integer = std::all_of(from, to, [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
    if (reads_as_integer) {
        *to++ = '.';
        *to++ = '0';
    }
    commit(to);
}

void JsonBuffer::value(const JsonValue& value) {
    switch (value.kind()) {
        case boost::json::kind::null:
            return null();
        case boost::json::kind::bool_:
            return boolean(value.get_bool());
        case boost::json::kind::int64:
            return number(value.get_int64());
        case boost::json::kind::uint64:
            return number(value.get_uint64());
        case boost::json::kind::double_:
            return number(value.get_double());
        case boost::json::kind::string:
            return string(std::string_view(value.get_string()));
        case boost::json::kind::array:
            return array(value.get_array());
        case boost::json::kind::object:
            return object(value.get_object());
    }
}

void JsonBuffer::array(const JsonArray& values) {
    append('[');
    bool first = true;
    for (const JsonValue& each : values) {
        if (!first) append(',');
        first = false;
        value(each);
    }
    append(']');
}

void JsonBuffer::object(const JsonDict& members) {
    append('{');
    bool first = true;
    for (const auto& member : members) {
        if (!first) append(',');
        first = false;
        string(member.key());
        append(':');
        value(member.value());
    }
    append('}');
}

}  // namespace callbacks
