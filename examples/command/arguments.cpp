#include "arguments.h"

#include <modapi/hosting/event_json.h>

#include <iterator>

namespace command {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;

const JsonDict& object_of(const JsonValue& json) {
    if (!json.is_object()) throw Failure("must be an object");
    return json.get_object();
}

/// A member of an object; `otherwise` where it is missing.
template <class T>
T member(const JsonDict& object, std::string_view name, T otherwise) {
    const JsonValue* const found = object.if_contains(name);
    if (found == nullptr) return otherwise;
    try {
        return FromJson<T>::read(*found);
    } catch (const Failure& error) {
        throw Failure(std::string(name) + " " + error.what());
    }
}

template <class T>
T required_member(const JsonDict& object, std::string_view name) {
    if (!object.contains(name)) throw Failure("must have " + std::string(name));
    return member<T>(object, name, T());
}

JsonValue json_in(const std::string& file) {
    std::ifstream input(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
    if (!input) throw Failure(file + " can't be read");
    boost::system::error_code error;
    JsonValue json = callbacks::JsonValue(boost::json::parse(text, error));
    if (error) throw Failure(file + " is no JSON: " + error.message());
    return json;
}

callbacks::Event event_of(const JsonValue& json, const std::string& place) {
    if (!json.is_object()) throw Failure(place + " must be an event, an object");
    try {
        return modapi::event_from_json(json.get_object());
    } catch (const std::exception& error) {
        throw Failure(place + " is no event: " + error.what());
    }
}

}  // namespace

FileOnDisk::FileOnDisk(std::string path) : path_(std::move(path)), input_(path_, std::ios::binary) {
    if (!input_) throw Failure(path_ + " can't be read");
}

async::task<std::span<const std::byte>> FileOnDisk::read_chunk() {
    chunk_.resize(chunk_size);
    input_.read(reinterpret_cast<char*>(chunk_.data()), static_cast<std::streamsize>(chunk_size));  // NOLINT: bytes are bytes
    chunk_.resize(static_cast<std::size_t>(input_.gcount()));
    co_return std::span<const std::byte>(chunk_);
}

template <>
bool from_json(const JsonValue& json) {
    if (!json.is_bool()) throw Failure("must be true or false");
    return json.get_bool();
}
template <>
std::int64_t from_json(const JsonValue& json) {
    if (!json.is_int64()) throw Failure("must be an integer");
    return json.get_int64();
}
template <>
std::string from_json(const JsonValue& json) {
    if (!json.is_string()) throw Failure("must be a string");
    return std::string(json.get_string());
}
template <>
JsonDict from_json(const JsonValue& json) {
    return object_of(json);
}
template <>
callbacks::Requester from_json(const JsonValue& json) {
    const JsonDict& object = object_of(json);
    callbacks::Requester requester{callbacks::UserID(required_member<std::string>(object, "user"))};
    requester.access_token_id = member(object, "access_token_id", requester.access_token_id);
    requester.is_guest = member(object, "is_guest", false);
    for (const std::string& token : member(object, "scope", std::vector<std::string>())) requester.scope.insert(token);
    requester.shadow_banned = member(object, "shadow_banned", false);
    requester.device_id = member(object, "device_id", requester.device_id);
    requester.app_service = member(object, "app_service", requester.app_service);
    requester.authenticated_entity = member(object, "authenticated_entity", requester.authenticated_entity);
    return requester;
}
template <>
callbacks::UserProfile from_json(const JsonValue& json) {
    const JsonDict& object = object_of(json);
    callbacks::UserProfile profile;
    profile.user_id = required_member<std::string>(object, "user_id");
    profile.display_name = member(object, "display_name", profile.display_name);
    profile.avatar_url = member(object, "avatar_url", profile.avatar_url);
    return profile;
}
template <>
callbacks::ProfileInfo from_json(const JsonValue& json) {
    const JsonDict& object = object_of(json);
    callbacks::ProfileInfo profile;
    profile.display_name = member(object, "display_name", profile.display_name);
    profile.avatar_url = member(object, "avatar_url", profile.avatar_url);
    return profile;
}
template <>
callbacks::UserPresenceState from_json(const JsonValue& json) {
    const JsonDict& object = object_of(json);
    callbacks::UserPresenceState presence;
    presence.user_id = required_member<std::string>(object, "user_id");
    presence.state = required_member<std::string>(object, "state");
    presence.last_active_ts = member(object, "last_active_ts", presence.last_active_ts);
    presence.last_federation_update_ts = member(object, "last_federation_update_ts", presence.last_federation_update_ts);
    presence.last_user_sync_ts = member(object, "last_user_sync_ts", presence.last_user_sync_ts);
    presence.status_msg = member(object, "status_msg", presence.status_msg);
    presence.currently_active = member(object, "currently_active", false);
    return presence;
}
template <>
callbacks::FileInfo from_json(const JsonValue& json) {
    const JsonDict& object = object_of(json);
    callbacks::FileInfo file;
    file.server_name = member(object, "server_name", file.server_name);
    file.file_id = required_member<std::string>(object, "file_id");
    file.url_cache = member(object, "url_cache", false);
    if (const auto given = member(object, "thumbnail", std::optional<JsonDict>())) {
        callbacks::ThumbnailInfo thumbnail;
        thumbnail.width = static_cast<int>(required_member<std::int64_t>(*given, "width"));
        thumbnail.height = static_cast<int>(required_member<std::int64_t>(*given, "height"));
        thumbnail.method = required_member<std::string>(*given, "method");
        thumbnail.type = required_member<std::string>(*given, "type");
        thumbnail.length = member(*given, "length", thumbnail.length);
        file.thumbnail = std::move(thumbnail);
    }
    return file;
}
template <>
callbacks::MediaUploadLimit from_json(const JsonValue& json) {
    const JsonDict& object = object_of(json);
    const auto max_bytes = required_member<std::int64_t>(object, "max_bytes");
    return {max_bytes, required_member<std::int64_t>(object, "time_period_ms")};
}

void GivenArguments::require(std::size_t words, bool event, bool state) const {
    if (words_.size() != words)
        throw Failure(std::to_string(words_.size()) + (words_.size() == 1 ? " was given" : " were given"));
    if (event && !event_) throw Failure("there is no event: give it with --event FILE");
    if (!event && event_) throw Failure("--event is for callbacks with an event");
    if (!state && state_) throw Failure("--state is for callbacks with a room's state");
}

JsonValue GivenArguments::json_of(const std::string& word) {
    boost::system::error_code error;
    JsonValue json = JsonValue(boost::json::parse(word, error));
    if (error) throw Failure("is no JSON");
    return json;
}

Failure GivenArguments::wrong_word(const std::string& wanted, const std::string& why) const {
    return Failure(words_.at(taken_ - 1) + " is no " + wanted + ": " + why);
}

callbacks::Event GivenArguments::event() const { return event_of(json_in(*event_), *event_); }

callbacks::StateMap GivenArguments::state() const {
    callbacks::StateMap state;
    if (!state_) return state;
    const JsonValue json = json_in(*state_);
    if (!json.is_array()) throw Failure(*state_ + " must be a list of state events");
    for (const JsonValue& each : json.get_array()) {
        const std::string place = *state_ + "[" + std::to_string(state.size()) + "]";
        callbacks::Event event = event_of(each, place);
        if (!event.is_state()) throw Failure(place + " has no state_key");
        state.set(std::move(event));
    }
    return state;
}

}  // namespace command
