#pragma once

#include <callbacks/event.h>
#include <callbacks/json.h>
#include <callbacks/media.h>
#include <callbacks/presence.h>
#include <callbacks/ratelimit_override.h>
#include <callbacks/user_info.h>
#include <callbacks/users.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Values as both sides say them: JSON, and objects with one key that begins with `$` for what JSON has no word for
/// (libmodapi/python/PROTOCOL.md, "Values"). Thread: any.
namespace modapi {

/// What came from the process isn't what the protocol has there; what() says which place and what stands there.
class WrongPythonValue : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

// --- to the process

/// `{"$tag": held}`.
[[nodiscard]] callbacks::JsonValue tagged(std::string_view tag, callbacks::JsonValue held);
/// JSON that somebody else made, in which nothing is looked for: `$json`. As one that can't be changed, and as one whose
/// changes come back: `$frozen`, `$mutable`.
[[nodiscard]] callbacks::JsonValue json_to_python(callbacks::JsonValue json);
[[nodiscard]] callbacks::JsonValue frozen_to_python(callbacks::JsonValue json);
[[nodiscard]] callbacks::JsonValue mutable_to_python(callbacks::JsonValue json);
[[nodiscard]] callbacks::JsonValue bytes_to_python(std::string_view bytes);

/// What isn't in an event, and a module may ask it for.
struct EventDetails {
    std::optional<std::string> room_version{};  ///< none: nobody knows it here
    bool frozen = false;                        ///< nothing of it can be changed
};
/// What `$event` holds. Cost: a copy of the event.
[[nodiscard]] callbacks::JsonDict held_event(const callbacks::Event& event, const EventDetails& details = EventDetails());
/// The version that a room's m.room.create names; none without one.
[[nodiscard]] std::optional<std::string> room_version_of(const callbacks::StateMap& state);

template <std::same_as<bool> Boolean>
[[nodiscard]] callbacks::JsonValue to_python(Boolean truth) {
    return callbacks::JsonValue(truth);
}
[[nodiscard]] callbacks::JsonValue to_python(std::int64_t number);
[[nodiscard]] callbacks::JsonValue to_python(std::string_view text);
[[nodiscard]] callbacks::JsonValue to_python(const std::string& text);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::JsonDict& json);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::Event& event);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::UserID& user);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::RoomAlias& alias);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::RoomID& room);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::Requester& requester);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::UserProfile& profile);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::ProfileInfo& profile);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::UserInfo& user);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::UserIpAndAgent& seen);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::UserPresenceState& presence);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::MediaUploadLimit& limit);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::RatelimitOverride& limit);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::ReadableFileWrapper& file);
[[nodiscard]] callbacks::JsonValue to_python(const callbacks::FileInfo& file);
template <class T>
[[nodiscard]] callbacks::JsonValue to_python(const std::optional<T>& value);
template <class First, class Second>
[[nodiscard]] callbacks::JsonValue to_python(const std::pair<First, Second>& pair);
template <class T>
[[nodiscard]] callbacks::JsonValue to_python(const std::vector<T>& list);

template <class T>
callbacks::JsonValue to_python(const std::optional<T>& value) {
    return value ? to_python(*value) : callbacks::JsonValue(nullptr);
}
template <class First, class Second>
callbacks::JsonValue to_python(const std::pair<First, Second>& pair) {
    callbacks::JsonArray both;
    both.push_back(to_python(pair.first));
    both.push_back(to_python(pair.second));
    return tagged("$tuple", std::move(both));
}
template <class T>
callbacks::JsonValue to_python(const std::vector<T>& list) {
    callbacks::JsonArray items;
    items.reserve(list.size());
    for (const T& item : list) items.push_back(to_python(item));
    return items;
}

// --- from the process

/// What stands in an object with this tag as its only key; null: it is something else. Valid as long as the value.
[[nodiscard]] const callbacks::JsonValue* held_by(const callbacks::JsonValue& value, std::string_view tag) noexcept;
/// The same, where it is a list of items.
[[nodiscard]] const callbacks::JsonArray* items_of(const callbacks::JsonValue& value, std::string_view tag) noexcept;
/// What a value is, for people: `None`, `text`, `a list`, `a tuple of 3`, `a Foo`. Never its content.
[[nodiscard]] std::string kind_of(const callbacks::JsonValue& value);
/// Whether Python takes it for true.
[[nodiscard]] bool is_true(const callbacks::JsonValue& value) noexcept;

/// A value that is to be JSON: `$dict` becomes an object, enumerations become text. Errors: WrongPythonValue for what JSON has
/// no word for.
[[nodiscard]] callbacks::JsonValue json_of(const callbacks::JsonValue& value);
/// Likewise an object. Errors: WrongPythonValue, also for all else.
[[nodiscard]] callbacks::JsonDict object_of(const callbacks::JsonValue& value);
/// Errors: WrongPythonValue.
[[nodiscard]] std::string bytes_of(const callbacks::JsonValue& value);
[[nodiscard]] std::int64_t integer_of(const callbacks::JsonValue& value);
[[nodiscard]] callbacks::UserPresenceState presence_of(const callbacks::JsonValue& value);
[[nodiscard]] callbacks::MediaUploadLimit upload_limit_of(const callbacks::JsonValue& value);
[[nodiscard]] callbacks::RatelimitOverride ratelimit_of(const callbacks::JsonValue& value);

/// All handles in a value, at whatever depth.
void collect_handles(const callbacks::JsonValue& value, std::vector<std::int64_t>& into);

/// Base64 with padding, as both sides write bytes.
[[nodiscard]] std::string base64_of(std::string_view bytes);
/// Errors: WrongPythonValue for what is no base64.
[[nodiscard]] std::string bytes_of_base64(std::string_view text);

}  // namespace modapi
