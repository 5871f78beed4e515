#include "field_writer.h"

#include <callbacks/storable_json.h>

#include <boost/json/parse.hpp>

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace callbacks::detail {

JsonDict FieldWriter::take() {
    JsonDict whole = written();
    start_over();
    return whole;
}

JsonDict FieldWriter::written() const {
    const std::string_view fields = this->fields();
    JsonBuffer whole;
    whole.append('{');
    whole.append(fields);
    if (fields.empty()) {
        whole.append('}');
    } else {
        whole.data()[whole.size() - 1] = '}';
    }
    boost::json::parse_options options;
    options.allow_invalid_utf8 = true;  // what a module made of strings stays as it is
    options.max_depth = static_cast<std::size_t>(-1);
    return std::move(boost::json::parse(whole.view(), {}, options).as_object());
}

void FieldWriter::move_to(JsonBuffer& text) {
    const std::size_t moved_to = text.size();
    text.append(text_->view().substr(opened_at_));
    text_->cut(opened_at_);
    write_to(text);
    opened_at_ = moved_to;
}

void FieldWriter::settle_read(const char* added_field) {
    const auto begin = static_cast<std::size_t>(added_field - text_->data());
    const std::string_view object = text_->view().substr(opened_at_);
    const auto added_at = static_cast<std::uint32_t>(begin - opened_at_);
    const std::string_view known = object.substr(0, added_at);
    if (index_ == nullptr) index_ = std::make_unique<FieldIndex>();
    if (indexed_size_ == 0) index_->clear();
    index_->read(known, indexed_size_);
    const std::string_view name = FieldIndex::name_of(object.substr(added_at));
    const std::uint32_t hash = FieldIndex::hash_of(name);
    FieldIndex::Field& same = index_->find(known, name, hash);
    FieldIndex::Field added{hash, added_at, static_cast<std::uint32_t>(object.size())};
    if (same.end != 0) {
        if (same.begin < own_size_ || !UnsignedWriter::combine_rule::later_wins) {
            indexed_size_ = added_at;
            return text_->cut(begin);
        }
        // The earlier one's bytes are taken out, and what comes after them moves up.
        const std::uint32_t gone = same.end - same.begin;
        char* const bytes = text_->data() + opened_at_;
        std::memmove(bytes + same.begin, bytes + same.end, object.size() - same.end);
        text_->cut(text_->size() - gone);
        index_->close_gap(same.begin, same.end);
        added.begin -= gone;
        added.end -= gone;
    }
    index_->put(same, added);
    indexed_size_ = added.end;
}

void require_readable(const JsonValue& value) {
    if (const char* const why = unreadable_because(value)) [[unlikely]]
        throw std::invalid_argument(std::string("a field for `unsigned` can't be sent: ") + why);
}

}  // namespace callbacks::detail

namespace callbacks {

UnsignedWriter::UnsignedWriter() : writer_(std::make_unique<detail::FieldWriter>()), open_(writer_.get()) {}
UnsignedWriter::UnsignedWriter(JsonMemory memory) : UnsignedWriter() { memory_ = std::move(memory); }
UnsignedWriter::~UnsignedWriter() = default;

[[gnu::noinline, gnu::cold]] void UnsignedWriter::put_any_string(detail::FieldWriter& to, const char* name,
                                                                 std::size_t name_size, std::uint32_t, const char* text,
                                                                 std::size_t text_size) {
    to.add(std::string_view(name, name_size), std::string_view(text, text_size));
}

template <class Integer>
[[gnu::noinline, gnu::cold]] void UnsignedWriter::put_any_integer(detail::FieldWriter& to, const char* name,
                                                                  std::size_t name_size, std::uint32_t, Integer number) {
    to.add(std::string_view(name, name_size), number);
}

template <bool KeyIsPlain>
void UnsignedWriter::put_string(detail::FieldWriter& to, const char* name, std::size_t name_size, std::uint32_t hash,
                                const char* text, std::size_t text_size) {
    constexpr std::size_t around_both = std::string_view(R"("":"",)").size();
    if (!to.has_room(name_size + text_size + around_both)) [[unlikely]]
        return put_any_string(to, name, name_size, hash, text, text_size);
    char* at = to.put_name<KeyIsPlain>({name, name_size});
    if (at == nullptr) [[unlikely]]
        return put_any_string(to, name, name_size, hash, text, text_size);
    at[0] = '"';
    if (!JsonBuffer::copy_plain(at + 1, {text, text_size})) [[unlikely]]
        return put_any_string(to, name, name_size, hash, text, text_size);
    at += text_size;
    at[1] = '"';
    at[2] = ',';
    at += 3;
    to.commit(at);
    if (!to.is_new(hash)) [[unlikely]]
        return to.settle(hash, at - name_size - text_size - around_both);
}

template <bool KeyIsPlain, class Integer>
void UnsignedWriter::put_integer(detail::FieldWriter& to, const char* name, std::size_t name_size, std::uint32_t hash,
                                 Integer number) {
    constexpr std::size_t around_name = std::string_view(R"("":,)").size();
    if (!to.has_room(name_size + around_name + JsonBuffer::room_for_integer)) [[unlikely]]
        return put_any_integer(to, name, name_size, hash, number);
    char* const at = to.put_name<KeyIsPlain>({name, name_size});
    if (at == nullptr) [[unlikely]]
        return put_any_integer(to, name, name_size, hash, number);
    char* const end = JsonBuffer::put_number(at, number);
    *end = ',';
    to.commit(end + 1);
    if (!to.is_new(hash)) [[unlikely]]
        return to.settle(hash, at - name_size - around_name + 1);
}

void UnsignedWriter::put_each_string(detail::FieldWriter& to, const NamedString* fields, std::size_t count) {
    for (const NamedString* field = fields; field != fields + count; ++field) to.add(FieldKey(field->name->name), field->value);
}

void UnsignedWriter::settle_strings(detail::FieldWriter& to, const NamedString* fields, std::size_t count,
                                    std::size_t new_ones) {
    const NamedString* const end = fields + count;
    const NamedString* const first_to_claim = fields + new_ones;
    char* at = to.end();
    for (const NamedString* field = fields; field != end; ++field) {
        if (field >= first_to_claim && !to.becomes_known(field->name->hash)) {
            to.commit(at);
            return put_each_string(to, field, static_cast<std::size_t>(end - field));
        }
        at += field->name->size + field->value.size() + behind_value.size();
    }
    to.commit(at);
}

void UnsignedWriter::put(FieldKey key, const JsonValue& value) {
    detail::require_readable(value);
    writer_->add(key, value);
}
void UnsignedWriter::put(FieldKey key, const JsonArray& values) {
    for (const JsonValue& value : values) detail::require_readable(value);
    writer_->add(key, values);
}
void UnsignedWriter::put(FieldKey key, const JsonDict& members) {
    for (const auto& member : members) detail::require_readable(member.value());
    writer_->add(key, members);
}

void UnsignedWriter::write(const JsonDict& fields) {
    for (const auto& field : fields) {
        const FieldKey key(std::string_view(field.key()));
        if (field.value().is_string()) {
            const std::string_view text(field.value().get_string());
            put_string<false>(*writer_, key.text().data(), key.text().size(), key.hash(), text.data(), text.size());
        } else {
            put(key, field.value());
        }
    }
}

JsonDict UnsignedWriter::take() { return writer_->take(); }
JsonDict UnsignedWriter::written() const { return writer_->written(); }

template void UnsignedWriter::put_string<true>(detail::FieldWriter&, const char*, std::size_t, std::uint32_t, const char*,
                                               std::size_t);
template void UnsignedWriter::put_string<false>(detail::FieldWriter&, const char*, std::size_t, std::uint32_t, const char*,
                                                std::size_t);
template void UnsignedWriter::put_integer<true>(detail::FieldWriter&, const char*, std::size_t, std::uint32_t, std::int64_t);
template void UnsignedWriter::put_integer<false>(detail::FieldWriter&, const char*, std::size_t, std::uint32_t, std::int64_t);
template void UnsignedWriter::put_integer<true>(detail::FieldWriter&, const char*, std::size_t, std::uint32_t, std::uint64_t);
template void UnsignedWriter::put_integer<false>(detail::FieldWriter&, const char*, std::size_t, std::uint32_t, std::uint64_t);

}  // namespace callbacks
