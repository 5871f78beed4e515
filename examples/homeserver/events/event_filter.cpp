#include "events/event_filter.h"

#include <callbacks/errors.h>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::JsonValue;

bool contains(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

/// `*` stands for any number of characters. Each part between two stars is taken where it stands first: what fits after a later
/// place fits after the first one too, so that nothing is tried twice.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    if (!text.starts_with(pattern.substr(0, star))) return false;
    text.remove_prefix(star);
    pattern.remove_prefix(star + 1);
    for (star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
        const std::string_view part = pattern.substr(0, star);
        const std::size_t place = text.find(part);
        if (place == std::string_view::npos) return false;
        text.remove_prefix(place + part.size());
        pattern.remove_prefix(star + 1);
    }
    return text.ends_with(pattern);
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return matches(pattern, text); });
}

}  // namespace

void refuse_filter(std::string_view key) {
    throw callbacks::SynapseError(400, "Invalid filter: '" + std::string(key) + "'", Codes::BAD_JSON);
}

std::optional<std::vector<std::string>> filter_names(const JsonDict& filter, std::string_view key) {
    const JsonValue* const value = filter.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_array()) refuse_filter(key);
    std::vector<std::string> found;
    for (const JsonValue& name : value->get_array()) {
        if (!name.is_string()) refuse_filter(key);
        found.emplace_back(name.get_string());
    }
    return found;
}

EventFilter::EventFilter(const JsonDict& filter)
    : types_(filter_names(filter, "types")),
      not_types_(filter_names(filter, "not_types").value_or(Names())),
      senders_(filter_names(filter, "senders")),
      not_senders_(filter_names(filter, "not_senders").value_or(Names())),
      rooms_(filter_names(filter, "rooms")),
      not_rooms_(filter_names(filter, "not_rooms").value_or(Names())) {
    constexpr std::int64_t max_events = 1000;
    if (const JsonValue* const url = filter.if_contains("contains_url"); url != nullptr && !url->is_null()) {
        if (!url->is_bool()) refuse_filter("contains_url");
        contains_url_ = url->get_bool();
    }
    const JsonValue* const limit = filter.if_contains("limit");
    if (limit == nullptr || limit->is_null()) return;
    if (!limit->is_int64() || limit->get_int64() < 0) refuse_filter("limit");
    limit_ = std::clamp<std::int64_t>(limit->get_int64(), 1, max_events);
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

}  // namespace homeserver
