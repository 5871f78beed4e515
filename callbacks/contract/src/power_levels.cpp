#include <callbacks/power_levels.h>

#include <callbacks/json_place.h>

#include <charconv>
#include <system_error>
#include <utility>

namespace callbacks {

namespace {

std::optional<std::int64_t> level_at(const JsonPlace& place) {
    const std::optional<std::string_view> text = place.text();
    if (!text) return place.number();
    std::int64_t number = 0;
    const char* const end = text->data() + text->size();
    const std::from_chars_result parsed = std::from_chars(text->data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return number;
}

Event event_of(JsonDict content) {
    EventFields fields;
    fields.type = "m.room.power_levels";
    fields.content = std::move(content);
    return Event(std::move(fields));
}

}  // namespace

PowerLevels::PowerLevels(JsonDict content) : event_(event_of(std::move(content))) {}

PowerLevels::PowerLevels(const StateMap& state) {
    const Event* const levels = state.find("m.room.power_levels");
    if (levels != nullptr) {
        event_ = *levels;
        return;
    }
    const Event* const create = state.find("m.room.create");
    if (create != nullptr) creator_ = create->content_string("creator").value_or(create->sender());
}

std::int64_t PowerLevels::level(std::string_view key, std::int64_t otherwise) const {
    return event_ ? level_at(event_->content_at(key)).value_or(otherwise) : otherwise;
}

std::optional<std::int64_t> PowerLevels::level_in(std::string_view table, std::string_view key) const {
    return event_ ? level_at(event_->content_at(table, key)) : std::nullopt;
}

std::int64_t PowerLevels::of_user(std::string_view user_id) const {
    if (!event_) return user_id == creator_ ? 100 : 0;
    if (const std::optional<std::int64_t> own = level_in("users", user_id)) return *own;
    return level("users_default", 0);
}

std::int64_t PowerLevels::for_event(std::string_view type) const {
    if (const std::optional<std::int64_t> own = level_in("events", type)) return *own;
    return level("events_default", 0);
}

std::int64_t PowerLevels::for_state(std::string_view type) const {
    if (const std::optional<std::int64_t> own = level_in("events", type)) return *own;
    return level("state_default", event_ ? moderator : 0);
}

std::int64_t PowerLevels::to_notify(std::string_view key) const { return level_in("notifications", key).value_or(moderator); }

}  // namespace callbacks
