#include "events/event_filter.h"

#include <modapi/case_folding.h>

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

std::vector<modapi::Glob> patterns_of(const std::vector<std::string>& types) {
    std::vector<modapi::Glob> patterns;
    for (const std::string& type : types) patterns.emplace_back(modapi::characters(type), modapi::Glob::Wildcards::star);
    return patterns;
}

bool any_matches(const std::vector<modapi::Glob>& patterns, std::u32string_view text) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const modapi::Glob& pattern) { return pattern.matches(text); });
}

}  // namespace

void refuse_filter(std::string_view key, std::string_view reason) {
    std::string text = "Invalid filter: '" + std::string(key) + "'";
    if (!reason.empty()) text.append(" ").append(reason);
    throw callbacks::SynapseError(400, text, Codes::BAD_JSON);
}

void refuse_filter(std::string_view key) {
    refuse_filter(key, {});
}

void require_filter_size(std::size_t bytes) {
    constexpr std::size_t max_bytes = 64 * 1024;
    if (bytes > max_bytes) throw callbacks::SynapseError(400, "A filter has at most 65536 bytes", Codes::TOO_LARGE);
}

std::optional<std::vector<std::string>> filter_names(const JsonDict& filter, std::string_view key) {
    const JsonValue* const value = filter.if_contains(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_array()) refuse_filter(key);
    // Each is compared with every event that a sync looks at; a pattern takes longer than a name.
    const bool has_patterns = key == "types" || key == "not_types";
    const std::size_t max_entries = has_patterns ? max_filter_patterns : max_filter_names;
    if (value->get_array().size() > max_entries)
        refuse_filter(key, "has more than " + std::to_string(max_entries) + " entries");
    std::vector<std::string> found;
    for (const JsonValue& name : value->get_array()) {
        if (!name.is_string()) refuse_filter(key);
        if (name.get_string().size() > max_filter_name)
            refuse_filter(key, "has an entry of more than " + std::to_string(max_filter_name) + " bytes");
        found.emplace_back(name.get_string());
    }
    return found;
}

EventFilter::EventFilter(const JsonDict& filter)
    : not_types_(patterns_of(filter_names(filter, "not_types").value_or(Names()))),
      senders_(filter_names(filter, "senders")),
      not_senders_(filter_names(filter, "not_senders").value_or(Names())),
      rooms_(filter_names(filter, "rooms")),
      not_rooms_(filter_names(filter, "not_rooms").value_or(Names())) {
    constexpr std::int64_t max_events = 1000;
    if (const std::optional<Names> types = filter_names(filter, "types")) types_ = patterns_of(*types);
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
    if (contains(not_senders_, sender) || (senders_ && !contains(*senders_, sender))) return false;
    if (!types_ && not_types_.empty()) return true;
    const std::u32string characters = modapi::characters(type);
    return !any_matches(not_types_, characters) && (!types_ || any_matches(*types_, characters));
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
    require_filter_size(text.size());
    boost::system::error_code error;
    boost::json::value parsed = boost::json::parse(text, error);
    if (error || !parsed.is_object()) throw callbacks::SynapseError(400, "Invalid filter JSON", Codes::NOT_JSON);
    return std::move(parsed.get_object());
}

}  // namespace homeserver
