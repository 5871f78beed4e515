#pragma once

#include "push/rule_set.h"

#include <modapi/database.h>

#include <callbacks/event.h>

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeserver {

/// Who is joined in a room of one state, prepared so that a message there finds those whose push rules may say something else
/// than everybody's without a look at each member.
///
/// Thread: one transaction at a time. Memory: some 200 bytes for each member, more for those with rules of their own.
class NotifiedMembers {
public:
    explicit NotifiedMembers(const callbacks::StateMap& state);

    [[nodiscard]] const std::shared_ptr<const std::vector<std::string>>& joined() const noexcept { return joined_; }
    [[nodiscard]] bool is_joined(std::string_view user_id) const;
    /// Those whose name in the room or localpart the text may have as a word; some of them more than once. `state`: the one
    /// that this was made of. Cost: at first by the number of members, then by the text.
    [[nodiscard]] std::vector<std::string> named_in(std::string_view text, const callbacks::StateMap& state);
    /// The rules of those members who changed theirs. Cost: at first by the number of members, then by that of rules that were
    /// changed since, whosever they are.
    [[nodiscard]] const std::map<std::string, RuleSet, std::less<>>& own_rules(modapi::Transaction& transaction,
                                                                               const std::string& room_id);
    /// What it takes of a cache, in events of a state.
    [[nodiscard]] std::size_t weight() const noexcept;

private:
    using Members = std::vector<std::size_t>;

    void add_name(std::string_view name, std::size_t member);

    std::shared_ptr<const std::vector<std::string>> joined_;  // sorted
    bool knows_names_ = false;
    boost::unordered_flat_map<std::u32string, Members> by_name_;                      // without case
    boost::unordered_flat_map<char32_t, std::vector<std::size_t>> lengths_of_names_;  // by their first character
    Members with_wildcards_;                                                          // whose localparts are no plain texts
    bool knows_rules_ = false;
    std::int64_t rules_position_ = 0;
    std::map<std::string, RuleSet, std::less<>> own_rules_;
};

/// The members of the rooms that were written to lately.
///
/// Memory: at most what `max_weight` says; all go at once. Thread: one transaction at a time, as Database::run_in_turn has
/// them.
class NotifiedRooms {
public:
    explicit NotifiedRooms(std::size_t max_weight = 40'000) noexcept : max_weight_(max_weight) {}

    /// Of a room in this state, as RoomStates has it: another one is another object. Valid until the next call.
    [[nodiscard]] NotifiedMembers& get(const std::string& room_id, const std::shared_ptr<const callbacks::StateMap>& state);

private:
    struct Known {
        std::shared_ptr<const callbacks::StateMap> state;
        std::unique_ptr<NotifiedMembers> members;
        std::size_t weight = 0;  // when it was asked for last
    };

    std::size_t max_weight_;
    std::size_t weight_ = 0;
    boost::unordered_flat_map<std::string, Known> rooms_;
};

}  // namespace homeserver
