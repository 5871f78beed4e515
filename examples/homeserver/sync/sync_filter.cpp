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

bool contains(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

const JsonDict& part(const JsonDict& filter, std::string_view key) {
    static const JsonDict nothing;
    const JsonValue* const value = filter.if_contains(key);
    if (value == nullptr || value->is_null()) return nothing;
    if (!value->is_object()) refuse_filter(key);
    return value->get_object();
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

SyncFilter::SyncFilter(const JsonDict& filter)
    : timeline(part(part(filter, "room"), "timeline")),
      state(part(part(filter, "room"), "state")),
      presence(part(filter, "presence")),
      account_data(part(filter, "account_data")),
      room_account_data(part(part(filter, "room"), "account_data")),
      ephemeral(part(part(filter, "room"), "ephemeral")),
      rooms_(filter_names(part(filter, "room"), "rooms")),
      not_rooms_(filter_names(part(filter, "room"), "not_rooms").value_or(std::vector<std::string>())) {
    const JsonValue* const leave = part(filter, "room").if_contains("include_leave");
    if (leave != nullptr && !leave->is_bool()) refuse_filter("include_leave");
    include_leave = leave != nullptr && leave->get_bool();
    const JsonValue* const format = filter.if_contains("event_format");
    const bool is_known_format = format == nullptr || format->is_null() || *format == "client" || *format == "federation";
    if (!is_known_format) refuse_filter("event_format");
    for (const std::string& field : filter_names(filter, "event_fields").value_or(std::vector<std::string>())) {
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
