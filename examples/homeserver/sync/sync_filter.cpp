#include "sync/sync_filter.h"

#include <callbacks/errors.h>

#include <boost/json/parse.hpp>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::JsonValue;

[[noreturn]] void refuse(std::string_view key) {
    throw callbacks::SynapseError(400, "Invalid filter: '" + std::string(key) + "'", Codes::BAD_JSON);
}

std::optional<std::vector<std::string>> names(const JsonDict& filter, std::string_view key) {
    const JsonValue* const value = filter.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_array()) refuse(key);
    std::vector<std::string> found;
    for (const JsonValue& name : value->get_array()) {
        if (!name.is_string()) refuse(key);
        found.emplace_back(name.get_string());
    }
    return found;
}

const JsonDict& part(const JsonDict& filter, std::string_view key) {
    static const JsonDict nothing;
    const JsonValue* const value = filter.if_contains(key);
    if (value == nullptr || value->is_null()) return nothing;
    if (!value->is_object()) refuse(key);
    return value->get_object();
}

bool contains(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

/// `*` stands for any number of characters.
bool matches(std::string_view pattern, std::string_view text) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    if (!text.starts_with(pattern.substr(0, star))) return false;
    const std::string_view rest = pattern.substr(star + 1);
    for (std::size_t from = star; from <= text.size(); ++from) {
        if (matches(rest, text.substr(from))) return true;
    }
    return false;
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return matches(pattern, text); });
}

/// `content.body` is the field `body` of `content`; a dot that belongs to a name is written `\.`.
std::vector<std::string> path_of(std::string_view field) {
    std::vector<std::string> path(1);
    for (std::size_t at = 0; at < field.size(); ++at) {
        if (field[at] == '\\' && at + 1 < field.size()) {
            path.back() += field[++at];
        } else if (field[at] == '.') {
            path.emplace_back();
        } else {
            path.back() += field[at];
        }
    }
    return path;
}

void copy_path(const JsonDict& from, JsonDict& to, const std::vector<std::string>& path, std::size_t depth) {
    const JsonValue* const value = from.if_contains(path[depth]);
    if (value == nullptr) return;
    if (depth + 1 == path.size()) {
        to[path[depth]] = *value;
        return;
    }
    if (!value->is_object()) return;
    JsonValue& inner = to[path[depth]];
    if (!inner.is_object()) inner.emplace_object();
    copy_path(value->get_object(), inner.get_object(), path, depth + 1);
}

}  // namespace

EventFilter::EventFilter(const JsonDict& filter)
    : types_(names(filter, "types")),
      not_types_(names(filter, "not_types").value_or(Names())),
      senders_(names(filter, "senders")),
      not_senders_(names(filter, "not_senders").value_or(Names())),
      rooms_(names(filter, "rooms")),
      not_rooms_(names(filter, "not_rooms").value_or(Names())) {
    constexpr std::int64_t most_events = 1000;
    if (const JsonValue* const url = filter.if_contains("contains_url"); url != nullptr && !url->is_null()) {
        if (!url->is_bool()) refuse("contains_url");
        contains_url_ = url->get_bool();
    }
    const JsonValue* const limit = filter.if_contains("limit");
    if (limit == nullptr || limit->is_null()) return;
    if (!limit->is_int64() || limit->get_int64() < 0) refuse("limit");
    limit_ = std::clamp<std::int64_t>(limit->get_int64(), 1, most_events);
}

bool EventFilter::wants(std::string_view type, std::string_view sender) const {
    if (contains(not_senders_, sender) || any_matches(not_types_, type)) return false;
    return (!senders_ || contains(*senders_, sender)) && (!types_ || any_matches(*types_, type));
}

bool EventFilter::wants_room(std::string_view room_id) const {
    return !contains(not_rooms_, room_id) && (!rooms_ || contains(*rooms_, room_id));
}

bool EventFilter::wants(const callbacks::Event& event) const {
    const bool has_url = event.content_string("url").has_value();
    if (contains_url_ && *contains_url_ != has_url) return false;
    return wants_room(event.room_id()) && wants(event.type(), event.sender());
}

bool EventFilter::restricts() const noexcept {
    const bool leaves_out = !not_types_.empty() || !not_senders_.empty() || !not_rooms_.empty();
    return leaves_out || types_ || senders_ || rooms_ || contains_url_;
}

void EventFilter::restrict(std::vector<StoredEvent>& events) const {
    std::erase_if(events, [this](const StoredEvent& stored) { return !wants(stored.event); });
}

JsonDict filter_from_text(const std::string& text) {
    boost::system::error_code error;
    boost::json::value parsed = boost::json::parse(text, error);
    if (error || !parsed.is_object()) throw callbacks::SynapseError(400, "Invalid filter JSON", Codes::NOT_JSON);
    return std::move(parsed.get_object());
}

SyncFilter::SyncFilter(const JsonDict& filter)
    : timeline(part(part(filter, "room"), "timeline")),
      state(part(part(filter, "room"), "state")),
      presence(part(filter, "presence")),
      account_data(part(filter, "account_data")),
      room_account_data(part(part(filter, "room"), "account_data")),
      ephemeral(part(part(filter, "room"), "ephemeral")),
      rooms_(names(part(filter, "room"), "rooms")),
      not_rooms_(names(part(filter, "room"), "not_rooms").value_or(std::vector<std::string>())) {
    const JsonValue* const leave = part(filter, "room").if_contains("include_leave");
    if (leave != nullptr && !leave->is_bool()) refuse("include_leave");
    include_leave = leave != nullptr && leave->get_bool();
    const JsonValue* const format = filter.if_contains("event_format");
    const bool is_known_format = format == nullptr || format->is_null() || *format == "client" || *format == "federation";
    if (!is_known_format) refuse("event_format");
    for (const std::string& field : names(filter, "event_fields").value_or(std::vector<std::string>())) {
        event_fields_.push_back(path_of(field));
    }
}

bool SyncFilter::wants_room(const std::string& room_id) const {
    return !contains(not_rooms_, room_id) && (!rooms_ || contains(*rooms_, room_id));
}

JsonDict SyncFilter::reduced(JsonDict event) const {
    if (!reduces()) return event;
    JsonDict left;
    for (const std::vector<std::string>& path : event_fields_) copy_path(event, left, path, 0);
    return left;
}

}  // namespace homeserver
