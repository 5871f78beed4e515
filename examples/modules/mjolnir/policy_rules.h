#pragma once

#include <modapi/glob.h>

#include <callbacks/event.h>

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace mjolnir {

/// What a rule is about.
enum class PolicyKind : unsigned char { user, room, server };

/// The event types of rules: today's and the two older ones. None for all other types.
[[nodiscard]] std::optional<PolicyKind> policy_kind_of(std::string_view event_type) noexcept;
/// All of them.
[[nodiscard]] std::vector<std::string> policy_event_types();

/// The bans that list rooms hold. Memory: each entity twice. Cost of a question: one look-up for all entities without
/// wildcards, and one match for each different one with.
class PolicyRules {
public:
    /// Takes a state event in as its room's rule of that type and key; the one before it goes. What is no ban is none.
    void set(const callbacks::Event& event);
    void withdraw(const std::string& room_id, const std::string& type, const std::string& state_key);
    /// Withdraws all rules of a room.
    void withdraw_all(const std::string& room_id);

    [[nodiscard]] bool bans(PolicyKind kind, std::string_view value) const;
    [[nodiscard]] std::size_t size(const std::string& room_id) const;

private:
    struct Ban {
        PolicyKind kind;
        std::u32string entity;
    };
    struct BannedGlob {
        explicit BannedGlob(std::u32string_view pattern) : glob(pattern) {}
        modapi::Glob glob;
        std::size_t rules = 0;
    };
    struct Banned {
        std::unordered_map<std::u32string, std::size_t> entities;  // number of rules by entity
        std::unordered_map<std::u32string, BannedGlob> globs;
    };
    using Place = std::pair<std::string, std::string>;  // type, state key

    [[nodiscard]] static std::optional<Ban> ban_of(const callbacks::Event& event);
    [[nodiscard]] Banned& banned(PolicyKind kind) { return banned_[static_cast<std::size_t>(kind)]; }
    void enter(const Ban& ban);
    void strike(const Ban& ban);

    std::map<std::string, std::map<Place, Ban>> rooms_;
    std::array<Banned, 3> banned_;
};

}  // namespace mjolnir
