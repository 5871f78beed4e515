#include "events/power_levels.h"

#include <array>
#include <set>

namespace homeserver {
namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;

constexpr std::array<std::string_view, 7> single_levels = {"users_default", "events_default", "state_default", "ban",
                                                           "redact",        "kick",           "invite"};

std::optional<std::int64_t> integer(const JsonDict& object, std::string_view key) {
    const JsonValue* const value = object.if_contains(key);
    if (value == nullptr || !value->is_int64()) return std::nullopt;
    return value->get_int64();
}

const JsonDict* table(const JsonDict& content, std::string_view key) {
    const JsonValue* const value = content.if_contains(key);
    return value == nullptr ? nullptr : value->if_object();
}

bool is_user_id(std::string_view text) {
    return text.size() >= 3 && text.front() == '@' && text.find(':') != std::string_view::npos &&
           text.find(':') + 1 < text.size();
}

std::optional<std::string> malformed(const JsonDict& content) {
    for (const std::string_view key : single_levels) {
        if (content.contains(key) && !integer(content, key)) return std::string(key) + " in power levels isn't an integer";
    }
    for (const std::string_view key : {"events", "notifications", "users"}) {
        if (!content.contains(key)) continue;
        const JsonDict* const levels = table(content, key);
        if (levels == nullptr) return std::string(key) + " in power levels isn't an object";
        for (const auto& entry : *levels) {
            if (!entry.value().is_int64()) return std::string(key) + " in power levels has a level that isn't an integer";
            if (key == "users" && !is_user_id(entry.key())) return "users in power levels has a key that is no user id";
        }
    }
    return std::nullopt;
}

}  // namespace

PowerLevels::PowerLevels(const callbacks::StateMap& state) : event_(state.find("m.room.power_levels")) {
    const callbacks::Event* const create = state.find("m.room.create");
    if (create != nullptr) creator_ = create->content_string("creator").value_or(std::string_view());
}

std::int64_t PowerLevels::level(std::string_view key, std::int64_t otherwise) const {
    return event_ == nullptr ? otherwise : integer(event_->content(), key).value_or(otherwise);
}

std::int64_t PowerLevels::of_user(std::string_view user_id) const {
    if (event_ == nullptr) return user_id == creator_ ? 100 : 0;
    const JsonDict* const users = table(event_->content(), "users");
    if (users != nullptr) {
        if (const std::optional<std::int64_t> own = integer(*users, user_id)) return *own;
    }
    return level("users_default", 0);
}

std::int64_t PowerLevels::for_event(std::string_view type, bool is_state) const {
    if (event_ == nullptr) return 0;
    const JsonDict* const events = table(event_->content(), "events");
    if (events != nullptr) {
        if (const std::optional<std::int64_t> own = integer(*events, type)) return *own;
    }
    return is_state ? level("state_default", 50) : level("events_default", 0);
}

std::int64_t PowerLevels::for_notification(std::string_view key) const {
    const JsonDict* const levels = event_ == nullptr ? nullptr : table(event_->content(), "notifications");
    return levels == nullptr ? 50 : integer(*levels, key).value_or(50);
}

std::int64_t PowerLevels::for_action(std::string_view action) const { return level(action, action == "invite" ? 0 : 50); }

std::optional<std::string> refused_power_levels(const JsonDict& content, const JsonDict* before, std::string_view sender,
                                                std::int64_t sender_level) {
    if (std::optional<std::string> wrong = malformed(content)) return wrong;
    if (before == nullptr) return std::nullopt;

    const std::string above = "You don't have permission to change a power level above your own";
    for (const std::string_view key : single_levels) {
        const std::optional<std::int64_t> old_level = integer(*before, key);
        const std::optional<std::int64_t> new_level = integer(content, key);
        if (old_level == new_level) continue;
        if ((old_level && *old_level > sender_level) || (new_level && *new_level > sender_level)) return above;
    }
    static const JsonDict nothing;
    for (const std::string_view key : {"events", "notifications", "users"}) {
        const JsonDict* const old_table = table(*before, key);
        const JsonDict* const new_table = table(content, key);
        const JsonDict& old_levels = old_table == nullptr ? nothing : *old_table;
        const JsonDict& new_levels = new_table == nullptr ? nothing : *new_table;
        std::set<std::string_view> names;
        for (const auto& entry : old_levels) names.insert(entry.key());
        for (const auto& entry : new_levels) names.insert(entry.key());
        for (const std::string_view name : names) {
            const std::optional<std::int64_t> old_level = integer(old_levels, name);
            const std::optional<std::int64_t> new_level = integer(new_levels, name);
            if (old_level == new_level) continue;
            if (new_level && *new_level > sender_level) return above;
            if (!old_level) continue;
            const bool is_other_user = key == "users" && name != sender;
            if (is_other_user && *old_level >= sender_level) {
                return "You don't have permission to change the power level of a user at or above your own";
            }
            if (key != "users" && *old_level > sender_level) return above;
        }
    }
    return std::nullopt;
}

}  // namespace homeserver
