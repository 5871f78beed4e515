#include "push/notified_members.h"

#include "push/user_rules.h"

#include <callbacks/identifiers.h>

#include <modapi/case_folding.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace homeserver {

namespace {

using callbacks::Event;
using callbacks::StateMap;
using modapi::Transaction;

constexpr std::size_t weight_of_rules = 50;  // a set of rules takes as much memory as so many events

std::shared_ptr<const std::vector<std::string>> joined_in(const StateMap& state) {
    auto joined = std::make_shared<std::vector<std::string>>();
    for (const auto& [key, event] : state) {
        if (key.first == "m.room.member" && event.membership() == "join") joined->push_back(key.second);
    }
    std::sort(joined->begin(), joined->end());
    return joined;
}

bool is_of_words(char32_t character) {
    const bool is_letter = (character >= U'a' && character <= U'z') || (character >= U'A' && character <= U'Z');
    return is_letter || (character >= U'0' && character <= U'9') || character == U'_';
}

/// What is inside of a word begins none and ends none, as modapi::Glob has it. Of who is found here the rules say the rest.
bool is_inside_word(std::u32string_view text, std::size_t position) {
    return position > 0 && position < text.size() && is_of_words(text[position - 1]) && is_of_words(text[position]);
}

}  // namespace

NotifiedMembers::NotifiedMembers(const StateMap& state) : joined_(joined_in(state)) {}

bool NotifiedMembers::is_joined(std::string_view user_id) const {
    return std::binary_search(joined_->begin(), joined_->end(), user_id);
}

void NotifiedMembers::add_name(std::string_view name, std::size_t member) {
    const std::u32string text = modapi::characters_without_case(name);
    if (text.empty()) return;
    Members& members = by_name_[text];
    members.push_back(member);
    if (members.size() > 1) return;
    std::vector<std::size_t>& lengths = lengths_of_names_[text.front()];
    if (std::find(lengths.begin(), lengths.end(), text.size()) == lengths.end()) lengths.push_back(text.size());
}

std::vector<std::string> NotifiedMembers::named_in(std::string_view text, const StateMap& state) {
    if (!knows_names_) {
        for (std::size_t member = 0; member < joined_->size(); ++member) {
            const std::string& user_id = (*joined_)[member];
            const std::string_view localpart = callbacks::localpart_of(user_id);
            if (localpart.find_first_of("*?") != localpart.npos) {
                with_wildcards_.push_back(member);
            } else {
                add_name(localpart, member);
            }
            const Event* const membership = state.find("m.room.member", user_id);
            if (membership != nullptr) add_name(membership->content_string("displayname").value_or(std::string_view()), member);
        }
        knows_names_ = true;
    }
    const std::u32string characters = modapi::characters_without_case(text);
    Members found = with_wildcards_;
    for (std::size_t at = 0; at < characters.size(); ++at) {
        const auto lengths = lengths_of_names_.find(characters[at]);
        if (lengths == lengths_of_names_.end() || is_inside_word(characters, at)) continue;
        for (const std::size_t length : lengths->second) {
            if (length > characters.size() - at || is_inside_word(characters, at + length)) continue;
            const auto members = by_name_.find(characters.substr(at, length));
            if (members != by_name_.end()) found.insert(found.end(), members->second.begin(), members->second.end());
        }
    }
    std::vector<std::string> users;
    users.reserve(found.size());
    for (const std::size_t member : found) users.push_back((*joined_)[member]);
    return users;
}

const std::map<std::string, RuleSet, std::less<>>& NotifiedMembers::own_rules(Transaction& transaction,
                                                                              const std::string& room_id) {
    // At first those of the members, and the position behind which others will come.
    constexpr const char* of_members =
        "SELECT NULL, NULL, COALESCE(MAX(stream_position), 0) FROM push_rules UNION ALL SELECT r.user_id, r.changes, "
        "r.stream_position FROM room_memberships m JOIN push_rules r ON r.user_id = m.user_id WHERE m.room_id = ? AND "
        "m.membership = 'join'";
    constexpr const char* newer = "SELECT user_id, changes, stream_position FROM push_rules WHERE stream_position > ?";
    using Text = std::optional<std::string>;
    const auto rows = knows_rules_ ? transaction.query<Text, Text, std::int64_t>(newer, rules_position_)
                                   : transaction.query<Text, Text, std::int64_t>(of_members, room_id);
    for (const auto& [user_id, changes, position] : rows) {
        if (user_id && is_joined(*user_id)) own_rules_.insert_or_assign(*user_id, rules_with(changes));
        rules_position_ = std::max(rules_position_, position);
    }
    knows_rules_ = true;
    return own_rules_;
}

std::size_t NotifiedMembers::weight() const noexcept { return joined_->size() + weight_of_rules * own_rules_.size(); }

NotifiedMembers& NotifiedRooms::get(const std::string& room_id, const std::shared_ptr<const StateMap>& state) {
    if (weight_ > max_weight_) {
        rooms_.clear();
        weight_ = 0;
    }
    Known& known = rooms_[room_id];
    if (known.state != state) {
        known.state = state;
        known.members = std::make_unique<NotifiedMembers>(*state);
    }
    const std::size_t weight = state->size() + known.members->weight();
    weight_ += weight - known.weight;
    known.weight = weight;
    return *known.members;
}

}  // namespace homeserver
