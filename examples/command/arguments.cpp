#include "arguments.h"

#include <modapi/hosting/event_json.h>

#include <iterator>

namespace command {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;

/// The members of an object, read one after another.
class Members {
public:
    explicit Members(const JsonValue& json) : object_(json.if_object()) {
        if (object_ == nullptr) throw Failure("must be an object");
    }
    template <class T>
    Members& required(std::string_view name, T& into) {
        if (!object_->contains(name)) throw Failure("must have " + std::string(name));
        return optional(name, into);
    }
    /// Leaves what is there, if the member is missing.
    template <class T>
    Members& optional(std::string_view name, T& into) {
        const JsonValue* const found = object_->if_contains(name);
        try {
            if (found != nullptr) read_json(*found, into);
        } catch (const Failure& error) {
            throw Failure(std::string(name) + " " + error.what());
        }
        return *this;
    }

private:
    const JsonDict* object_;
};

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

void read_json(const JsonValue& json, bool& into) {
    if (!json.is_bool()) throw Failure("must be true or false");
    into = json.get_bool();
}

void read_json(const JsonValue& json, std::int64_t& into) {
    if (!json.is_int64()) throw Failure("must be an integer");
    into = json.get_int64();
}

void read_json(const JsonValue& json, std::string& into) {
    if (!json.is_string()) throw Failure("must be a string");
    into = std::string(json.get_string());
}

void read_json(const JsonValue& json, JsonDict& into) {
    if (!json.is_object()) throw Failure("must be an object");
    into = json.get_object();
}

void read_json(const JsonValue& json, callbacks::UserProfile& into) {
    Members members(json);
    members.required("user_id", into.user_id)
        .optional("display_name", into.display_name)
        .optional("avatar_url", into.avatar_url);
}

void read_json(const JsonValue& json, callbacks::ProfileInfo& into) {
    Members(json).optional("display_name", into.display_name).optional("avatar_url", into.avatar_url);
}

void read_json(const JsonValue& json, callbacks::UserPresenceState& into) {
    Members members(json);
    members.required("user_id", into.user_id).required("state", into.state).optional("status_msg", into.status_msg);
    members.optional("currently_active", into.currently_active).optional("last_active_ts", into.last_active_ts);
    members.optional("last_federation_update_ts", into.last_federation_update_ts);
    members.optional("last_user_sync_ts", into.last_user_sync_ts);
}

void read_json(const JsonValue& json, callbacks::FileInfo& into) {
    std::optional<JsonDict> thumbnail;
    Members members(json);
    members.required("file_id", into.file_id).optional("server_name", into.server_name).optional("url_cache", into.url_cache);
    members.optional("thumbnail", thumbnail);
    if (!thumbnail) return;
    callbacks::ThumbnailInfo& info = into.thumbnail.emplace();
    std::int64_t width = 0;
    std::int64_t height = 0;
    const JsonValue given(*thumbnail, callbacks::JsonMemory());
    Members of_thumbnail(given);
    of_thumbnail.required("width", width)
        .required("height", height)
        .required("method", info.method)
        .required("type", info.type);
    of_thumbnail.optional("length", info.length);
    info.width = static_cast<int>(width);
    info.height = static_cast<int>(height);
}

template <>
callbacks::Requester from_json(const JsonValue& json) {
    Members members(json);
    std::string user;
    members.required("user", user);
    callbacks::Requester requester{callbacks::UserID(user)};
    std::vector<std::string> scope;
    members.optional("access_token_id", requester.access_token_id)
        .optional("is_guest", requester.is_guest)
        .optional("scope", scope);
    members.optional("shadow_banned", requester.shadow_banned).optional("device_id", requester.device_id);
    members.optional("app_service", requester.app_service).optional("authenticated_entity", requester.authenticated_entity);
    requester.scope.insert(scope.begin(), scope.end());
    return requester;
}

template <>
callbacks::MediaUploadLimit from_json(const JsonValue& json) {
    std::int64_t max_bytes = 0;
    std::int64_t time_period_ms = 0;
    Members(json).required("max_bytes", max_bytes).required("time_period_ms", time_period_ms);
    return {max_bytes, time_period_ms};
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
