#pragma once

#include "field_names.h"

#include <callbacks/field_key.h>
#include <callbacks/json_buffer.h>
#include <callbacks/open_fields.h>
#include <callbacks/unsigned_writer.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace callbacks::detail {

/// Errors: std::invalid_argument for what nobody could read (`unreadable_because`).
void require_readable(const JsonValue& value);

/// Writes the fields of one JSON object at the end of a text. The fields that are the host's own come first and stay; of two
/// others with one name the combine rule of add_field_to_unsigned keeps one.
class FieldWriter : public OpenFields {
public:
    /// An object of its own.
    FieldWriter() { write_to(own_text_); }

    /// Begins an object at the end of `text`, of which the opening brace is written. What stands after `opened_at` is the
    /// host's own, whose names the caller notes.
    void open(JsonBuffer& text, std::size_t opened_at) noexcept {
        write_to(text);
        opened_at_ = opened_at;
        own_size_ = 0;
        indexed_size_ = 0;
        names.clear();
    }
    void note_own(std::uint32_t hash) noexcept { static_cast<void>(names.claim(hash)); }
    /// What is there by now wins over all that is added.
    void end_own() noexcept { own_size_ = text_->size() - opened_at_; }
    /// Ends an object that has a field: every field ends with a comma, and the last one's becomes the brace.
    void close() { text_->data()[text_->size() - 1] = '}'; }
    /// The rest is written at the end of `text`, to which the object's fields so far are moved.
    void move_to(JsonBuffer& text);
    /// What was added so far and stands, as an object: without the host's own.
    [[nodiscard]] JsonDict written() const;
    /// The object of its own, which is empty afterwards.
    [[nodiscard]] JsonDict take();

    /// The text of the fields that were added and stand, each with its comma. Valid until the next is added.
    [[nodiscard]] std::string_view fields() const noexcept { return text_->view().substr(opened_at_ + own_size_); }
    /// As it was made: an object of its own, without fields.
    void start_over() noexcept {
        own_text_.cut(0);
        open(own_text_, 0);
    }

    /// One field, whatever its key and value are.
    template <class Value>
    [[gnu::noinline, gnu::cold]] void add(FieldKey key, const Value& value) {
        const std::size_t begin = text_->size();
        text_->string(key.text());
        text_->append(':');
        text_->write(value);
        text_->append(',');
        settle(key.hash(), text_->data() + begin);
    }

    /// One field as it stands in an object's text, its comma included; `hash` is its key's.
    void add_written(std::uint32_t hash, std::string_view field) {
        const std::size_t begin = text_->size();
        text_->append(field);
        if (!is_new(hash)) [[unlikely]]
            settle(hash, text_->data() + begin);
    }

    // A field in steps, where there is room for it and nothing in it needs an escape.

    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept { return text_->has_room(bytes); }
    /// Where the value goes; null: the name needs escapes.
    template <bool KeyIsPlain>
    [[nodiscard, gnu::always_inline]] char* put_name(std::string_view name) noexcept {
        char* const begin = text_->end();
        begin[0] = '"';
        if constexpr (KeyIsPlain) {
            JsonBuffer::copy(begin + 1, name);
        } else if (!JsonBuffer::copy_plain(begin + 1, name)) [[unlikely]] {
            return nullptr;
        }
        char* const after_name = begin + 1 + name.size();
        after_name[0] = '"';
        after_name[1] = ':';
        return after_name + 2;
    }
    [[nodiscard]] char* end() noexcept { return text_->end(); }
    /// `end` comes after the field's comma.
    void commit(char* end) noexcept { text_->commit(end); }
    /// False: it has to be settled.
    [[nodiscard, gnu::always_inline]] bool is_new(std::uint32_t hash) noexcept { return names.claim_first(hash); }
    /// Likewise, also where the first place for it is another name's.
    [[nodiscard]] bool becomes_known(std::uint32_t hash) noexcept { return names.claim(hash); }
    /// The last field, which begins at `added_field`, may have the name of one that is there: of the two one goes.
    [[gnu::noinline]] void settle(std::uint32_t hash, const char* added_field) {
        if (!names.claim(hash)) settle_read(added_field);
    }

private:
    /// Likewise, by reading what is there.
    [[gnu::noinline, gnu::cold]] void settle_read(const char* added_field);
    void write_to(JsonBuffer& text) noexcept {
        text_ = &text;
        written_to = &text.growing();
    }

    JsonBuffer* text_ = nullptr;
    std::size_t opened_at_ = 0;
    std::size_t own_size_ = 0;      // of the host's own fields, which stand first
    std::size_t indexed_size_ = 0;  // of the fields that `index_` knows, which stand first
    std::unique_ptr<FieldIndex> index_;
    JsonBuffer own_text_;
};

}  // namespace callbacks::detail
