#include <callbacks/event.h>

#include <callbacks/errors.h>

namespace callbacks {

std::optional<std::string_view> Event::content_string(std::string_view key) const noexcept { return content_at(key).text(); }

std::optional<std::string_view> Event::membership() const noexcept {
    if (type() != "m.room.member") return std::nullopt;
    return content_string("membership");
}

JsonDict Event::get_dict() const {
    JsonDict dictionary;
    dictionary["type"] = type();
    dictionary["room_id"] = room_id();
    dictionary["sender"] = sender();
    dictionary["content"] = content();
    if (state_key()) dictionary["state_key"] = *state_key();
    dictionary["origin_server_ts"] = origin_server_ts();
    if (event_id()) dictionary["event_id"] = *event_id();
    if (redacts()) dictionary["redacts"] = *redacts();
    for (const auto& field : other()) dictionary.insert_or_assign(field.key(), field.value());
    dictionary["unsigned"] = unsigned_fields();
    return dictionary;
}

const Event* StateMap::find(std::string_view type, std::string_view state_key) const {
    const auto found = events_.find(Less::View(type, state_key));
    return found == events_.end() ? nullptr : &found->second;
}

void StateMap::set(Event event) {
    if (!event.is_state()) throw NotAStateEvent("an event of type " + event.type() + " without state key is no state");
    Key key(event.type(), *event.state_key());
    events_.insert_or_assign(std::move(key), std::move(event));
}

}  // namespace callbacks
