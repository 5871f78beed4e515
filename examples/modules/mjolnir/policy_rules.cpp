#include "policy_rules.h"

#include <modapi/case_folding.h>

#include <algorithm>

namespace mjolnir {

namespace {

constexpr std::string_view prefixes[] = {"m.policy.rule.", "m.room.rule.", "org.matrix.mjolnir.rule."};
constexpr std::pair<std::string_view, PolicyKind> kinds[] = {
    {"user", PolicyKind::user}, {"room", PolicyKind::room}, {"server", PolicyKind::server}};

}  // namespace

std::optional<PolicyKind> policy_kind_of(std::string_view event_type) noexcept {
    for (const std::string_view prefix : prefixes) {
        if (!event_type.starts_with(prefix)) continue;
        for (const auto& [name, kind] : kinds) {
            if (event_type.substr(prefix.size()) == name) return kind;
        }
    }
    return std::nullopt;
}

std::vector<std::string> policy_event_types() {
    std::vector<std::string> types;
    for (const std::string_view prefix : prefixes) {
        for (const auto& [name, kind] : kinds) types.push_back(std::string(prefix).append(name));
    }
    return types;
}

std::optional<PolicyRules::Ban> PolicyRules::ban_of(const callbacks::Event& event) {
    const std::optional<PolicyKind> kind = policy_kind_of(event.type());
    const std::optional<std::string_view> entity = event.content_string("entity");
    const std::optional<std::string_view> recommendation = event.content_string("recommendation");
    if (!kind || !entity || !recommendation || !event.content_string("reason")) return std::nullopt;
    if (*recommendation != "m.ban" && *recommendation != "org.matrix.mjolnir.ban") return std::nullopt;
    return Ban{*kind, modapi::characters_without_case(*entity)};
}

void PolicyRules::set(const callbacks::Event& event) {
    if (!event.is_state()) return;
    withdraw(event.room_id(), event.type(), *event.state_key());
    std::optional<Ban> ban = ban_of(event);
    if (!ban) return;
    enter(*ban);
    rooms_[event.room_id()].emplace(Place(event.type(), *event.state_key()), std::move(*ban));
}

void PolicyRules::withdraw(const std::string& room_id, const std::string& type, const std::string& state_key) {
    const auto room = rooms_.find(room_id);
    if (room == rooms_.end()) return;
    const auto found = room->second.find(Place(type, state_key));
    if (found == room->second.end()) return;
    strike(found->second);
    room->second.erase(found);
}

void PolicyRules::withdraw_all(const std::string& room_id) {
    const auto room = rooms_.find(room_id);
    if (room == rooms_.end()) return;
    for (const auto& [place, ban] : room->second) strike(ban);
    rooms_.erase(room);
}

void PolicyRules::enter(const Ban& ban) {
    Banned& of_kind = banned(ban.kind);
    if (modapi::Glob::has_wildcards(ban.entity)) {
        ++of_kind.globs.try_emplace(ban.entity, ban.entity).first->second.rules;
    } else {
        ++of_kind.entities[ban.entity];
    }
}

void PolicyRules::strike(const Ban& ban) {
    Banned& of_kind = banned(ban.kind);
    if (const auto glob = of_kind.globs.find(ban.entity); glob != of_kind.globs.end()) {
        if (--glob->second.rules == 0) of_kind.globs.erase(glob);
    } else if (const auto entity = of_kind.entities.find(ban.entity); entity != of_kind.entities.end()) {
        if (--entity->second == 0) of_kind.entities.erase(entity);
    }
}

bool PolicyRules::bans(PolicyKind kind, std::string_view value) const {
    const Banned& of_kind = banned_[static_cast<std::size_t>(kind)];
    if (of_kind.entities.empty() && of_kind.globs.empty()) return false;
    const std::u32string compared = modapi::characters_without_case(value);
    if (of_kind.entities.contains(compared)) return true;
    return std::any_of(of_kind.globs.begin(), of_kind.globs.end(),
                       [&](const auto& banned) { return banned.second.glob.matches(compared); });
}

std::size_t PolicyRules::size(const std::string& room_id) const {
    const auto room = rooms_.find(room_id);
    return room == rooms_.end() ? 0 : room->second.size();
}

}  // namespace mjolnir
