#include "field_names.h"

#include <async/string_hash.h>

#include <algorithm>
#include <utility>

namespace callbacks::detail {

namespace {

/// Where the string ends that begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) noexcept {
    for (++at; text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return at + 1;
}

/// Where the comma stands that ends the value which begins at `at`.
std::size_t end_of_value(std::string_view text, std::size_t at) noexcept {
    for (int depth = 0; depth > 0 || text[at] != ',';) {
        const char c = text[at];
        if (c == '"') {
            at = end_of_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at;
    }
    return at;
}

}  // namespace

std::string_view FieldIndex::name_of(std::string_view text) noexcept { return text.substr(0, end_of_string(text, 0)); }

std::size_t FieldIndex::end_of_field(std::string_view text, std::size_t at) noexcept { return end_of_value(text, at) + 1; }

std::uint32_t FieldIndex::hash_of(std::string_view name) noexcept {
    return static_cast<std::uint32_t>(async::detail::hash_of_string(name));
}

void FieldIndex::clear() noexcept {
    std::fill(fields_.begin(), fields_.end(), Field());
    count_ = 0;
}

void FieldIndex::read(std::string_view text, std::size_t from) {
    for (std::size_t at = from; at < text.size();) {
        const std::string_view name = name_of(text.substr(at));
        const std::size_t end = end_of_value(text, at + name.size() + 1) + 1;
        const std::uint32_t hash = hash_of(name);
        put(find(text, name, hash), {hash, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)});
        at = end;
    }
}

FieldIndex::Field& FieldIndex::find(std::string_view text, std::string_view name, std::uint32_t hash) noexcept {
    const std::size_t mask = fields_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
        Field& field = fields_[at];
        if (field.end == 0 || (field.hash == hash && text.substr(field.begin, name.size()) == name)) return field;
    }
}

void FieldIndex::put(Field& free, const Field& field) {
    const bool is_more = free.end == 0;
    free = field;
    if (is_more && ++count_ > fields_.size() / 2) grow();
}

void FieldIndex::close_gap(std::uint32_t begin, std::uint32_t end) noexcept {
    for (Field& field : fields_) {
        if (field.begin < end) continue;
        field.begin -= end - begin;
        field.end -= end - begin;
    }
}

void FieldIndex::grow() {
    const std::vector<Field> old = std::exchange(fields_, std::vector<Field>(fields_.size() * 2));
    const std::size_t mask = fields_.size() - 1;
    for (const Field& field : old) {
        if (field.end == 0) continue;
        std::size_t at = field.hash & mask;
        while (fields_[at].end != 0) at = (at + 1) & mask;
        fields_[at] = field;
    }
}

}  // namespace callbacks::detail
