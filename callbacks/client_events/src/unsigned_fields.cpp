#include <callbacks/unsigned_fields.h>

#include <boost/json/parse.hpp>

#include <utility>

namespace callbacks {

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
    open(own_text_, 0);
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
    opened_at_ = text.size() + opened_at_ - text_begin;
    text.append(text_->view().substr(text_begin));
    text_->cut(text_begin);
    text_ = &text;
}

void UnsignedFields::settle_name(std::size_t begin) {
    const std::string_view object = text_->view().substr(opened_at_);
    const auto added_at = static_cast<std::uint32_t>(begin - opened_at_);
    const std::string_view known = object.substr(0, added_at);
    if (index_ == nullptr) index_ = std::make_unique<detail::FieldIndex>();
    if (indexed_size_ == 0) index_->clear();
    index_->read(known, indexed_size_);
    const std::string_view name = detail::FieldIndex::name_of(object.substr(added_at));
    const std::uint32_t hash = detail::FieldIndex::hash_of(name);
    detail::FieldIndex::Field& same = index_->find(known, name, hash);
    detail::FieldIndex::Field added{hash, added_at, static_cast<std::uint32_t>(object.size())};
    if (same.end != 0) {
        if (same.begin < own_size_ || !combine_rule::later_wins) {
            indexed_size_ = added_at;
            return text_->cut(begin);
        }
        // The later one stays: the earlier one's bytes are taken out, and what is behind them moves up.
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

}  // namespace callbacks
