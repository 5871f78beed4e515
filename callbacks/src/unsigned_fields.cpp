#include <callbacks/unsigned_fields.h>

#include <boost/json/parse.hpp>

#include <utility>

namespace callbacks {

namespace detail {

void FieldTable::grow() {
    std::vector<Field> old = std::exchange(fields_, std::vector<Field>(fields_.size() * 2));
    mask_ = static_cast<std::uint32_t>(fields_.size() - 1);
    for (const Field& field : old) {
        if (!is_taken(field)) continue;
        Field* place = &fields_[field.hash & mask_];
        while (is_taken(*place)) place = &following(*place);
        *place = field;
    }
}

}  // namespace detail

using detail::FieldTable;

JsonDict UnsignedFields::take() {
    JsonBuffer whole;
    whole.append('{');
    whole.append(own_text_.view());
    if (own_text_.size() == 0) {
        whole.append('}');
    } else {
        whole.data()[whole.size() - 1] = '}';
    }
    own_text_.cut(0);
    open(own_text_);
    boost::json::parse_options options;
    options.allow_invalid_utf8 = true;  // what a module made of strings stays as it is
    options.max_depth = static_cast<std::size_t>(-1);
    return std::move(boost::json::parse(whole.view(), {}, options).as_object());
}

void UnsignedFields::write(const JsonDict& fields) {
    for (const auto& field : fields) {
        const FieldKey key(std::string_view(field.key()));
        if (field.value().is_string()) {
            add(key, std::string_view(field.value().get_string()));
        } else {
            add(key, field.value());
        }
    }
}

void UnsignedFields::move_to(JsonBuffer& text, std::size_t text_begin) {
    const auto moved_by = static_cast<std::uint32_t>(text_begin - text.size());
    opened_at_ -= moved_by;
    text.append(text_->view().substr(text_begin));
    text_->cut(text_begin);
    text_ = &text;
    fields_.each([&](FieldTable::Field& field) {
        field.begin -= moved_by;
        field.end -= moved_by;
    });
}

void UnsignedFields::settle_duplicate(FieldTable::Field& place, std::uint32_t hash, std::size_t begin, std::uint32_t end) {
    // Keys are equal if what stands between their quotes is; the quote, the colon and what is before them end it for both.
    const std::string_view written = text_->view().substr(begin);
    const auto key_end = [&] {
        std::size_t at = 1;
        while (written[at] != '"') at += written[at] == '\\' ? 2 : 1;
        return at + 1;
    }();
    const std::string_view key = written.substr(0, key_end + 1);
    FieldTable::Field* known = &place;
    while (fields_.is_taken(*known) && text_->view().substr(known->begin, key.size()) != key) {
        known = &fields_.find_after(*known, hash);
    }
    if (!fields_.is_taken(*known)) {
        fields_.put(*known, hash, static_cast<std::uint32_t>(begin), end);
        return;
    }
    const bool host_had_it = (known->end & FieldTable::of_host) != 0;
    if (host_had_it && (end & FieldTable::of_host) == 0) {
        text_->cut(begin);
        return;
    }
    // The later one stays: the earlier one's bytes are taken out, and what is behind them moves up.
    const std::uint32_t gone_begin = known->begin;
    const std::uint32_t gone_end = known->end & ~FieldTable::of_host;
    const std::uint32_t gone = gone_end - gone_begin;
    char* const bytes = text_->data();
    std::memmove(bytes + gone_begin, bytes + gone_end, text_->size() - gone_end);
    text_->cut(text_->size() - gone);
    fields_.each([&](FieldTable::Field& field) {
        if (field.begin < gone_end) return;
        field.begin -= gone;
        field.end -= gone;
    });
    known->begin = static_cast<std::uint32_t>(begin) - gone;
    known->end = end - gone;
}

}  // namespace callbacks
