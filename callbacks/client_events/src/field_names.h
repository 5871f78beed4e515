#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace callbacks::detail {

/// Where an object's fields stand in its text: only made for an object that may have got a name twice.
class FieldIndex {
public:
    struct Field {
        std::uint32_t hash = 0;
        std::uint32_t begin = 0;  ///< in bytes, of the key's quote
        std::uint32_t end = 0;    ///< after the comma; 0: no field
    };

    FieldIndex() : fields_(32) {}

    /// Forgets all fields.
    void clear() noexcept;
    /// Finds the fields that stand in `text` from `from` on. Places are counted from the beginning of `text`.
    void read(std::string_view text, std::size_t from);
    /// The field of `text` with this name; its own place, not yet taken, if there is none. A name is its written form: the
    /// string with its quotes. Valid until the next `put`.
    [[nodiscard]] Field& find(std::string_view text, std::string_view name, std::uint32_t hash) noexcept;
    void put(Field& free, const Field& field);
    /// The bytes of a field are taken out of the text: those after it move up, and it is forgotten unless it is put again.
    void close_gap(std::uint32_t begin, std::uint32_t end) noexcept;

    /// Calls `visit(name, begin, end)` for every field of `text`; `name` is its written form, `end` after the comma.
    template <class Visitor>
    static void each_field(std::string_view text, Visitor&& visit) {
        for (std::size_t at = 0; at < text.size();) {
            const std::string_view name = name_of(text.substr(at));
            const std::size_t end = end_of_field(text, at + name.size() + 1);
            visit(name, at, end);
            at = end;
        }
    }
    /// The written name that `text` begins with.
    [[nodiscard]] static std::string_view name_of(std::string_view text) noexcept;
    [[nodiscard]] static std::uint32_t hash_of(std::string_view name) noexcept;

private:
    /// After the comma behind the value that begins at `at`.
    [[nodiscard]] static std::size_t end_of_field(std::string_view text, std::size_t at) noexcept;
    void grow();

    std::vector<Field> fields_;  // open addressing
    std::size_t count_ = 0;
};

}  // namespace callbacks::detail
