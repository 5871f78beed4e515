#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace callbacks::detail {

/// Whether a name may be among those that an object has: one mark for each remainder of the names' hashes. Nearly every name is
/// new, and that is seen here without knowing where the others stand. A new object makes all marks free by counting up.
class NameMarks {
public:
    void clear() noexcept {
        if (++object_ == 0) [[unlikely]]
            begin_anew();
    }
    /// False: a name with this remainder is there already. True: it wasn't, and is from now on.
    [[nodiscard]] bool claim(std::uint32_t hash) noexcept {
        std::uint16_t& mark = marks_[hash % marks_.size()];
        if (mark == object_) [[unlikely]]
            return false;
        mark = object_;
        return true;
    }
    void note(std::uint32_t hash) noexcept { marks_[hash % marks_.size()] = object_; }
    /// From now on every name may be there, until the next object.
    void claim_all() noexcept { marks_.fill(object_); }

private:
    void begin_anew() noexcept {
        marks_.fill(0);
        object_ = 1;
    }

    std::array<std::uint16_t, 1024> marks_{};
    std::uint16_t object_ = 1;
};

/// Where an object's fields stand in its text: only made when two names have the same mark.
class FieldIndex {
public:
    struct Field {
        std::uint32_t hash = 0;
        std::uint32_t begin = 0;  ///< in bytes, of the key's quote
        std::uint32_t end = 0;    ///< behind the comma; 0: no field
    };

    FieldIndex() : fields_(32) {}

    /// Finds the fields in `text`, which begins in front of the first of them; places are counted from there.
    void read(std::string_view text);
    /// The field of `text` with this name; its own place, not yet taken, if there is none. A name is its written form: the
    /// string with its quotes. Valid until the next `put`.
    [[nodiscard]] Field& find(std::string_view text, std::string_view name, std::uint32_t hash) noexcept;
    void put(Field& free, const Field& field);
    /// The bytes of a field are taken out of the text: those behind it move up, and it is forgotten unless it is put again.
    void close_gap(std::uint32_t begin, std::uint32_t end) noexcept;

    /// The written name that `text` begins with.
    [[nodiscard]] static std::string_view name_of(std::string_view text) noexcept;
    [[nodiscard]] static std::uint32_t hash_of(std::string_view name) noexcept;

private:
    void grow();

    std::vector<Field> fields_;  // open addressing
    std::size_t count_ = 0;
};

}  // namespace callbacks::detail
