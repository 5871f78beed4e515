#include "events/power_levels.h"

#include <array>
#include <set>

namespace homeserver {
namespace {

using callbacks::JsonDict;

constexpr std::array<std::string_view, 7> single_levels = {"users_default", "events_default", "state_default", "ban",
                                                           "redact",        "kick",           "invite"};

std::optional<std::int64_t> integer(const JsonDict& object, std::string_view key) {
    return callbacks::place_in(object, key).number();
}

const JsonDict* table(const JsonDict& content, std::string_view key) { return callbacks::place_in(content, key).object(); }

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
