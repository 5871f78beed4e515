#include "mjolnir.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace mjolnir {

namespace {

/// In characters: bytes that don't continue one.
std::int64_t length_of(std::string_view utf8) {
    return std::count_if(utf8.begin(), utf8.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; });
}

/// A list of room ids, or the place of what is none.
std::vector<std::string> room_ids(const modapi::ConfigSection& config, const std::vector<std::string>& path) {
    std::vector<std::string> rooms = config.value_or(path.back(), std::vector<std::string>());
    for (std::size_t index = 0; index < rooms.size(); ++index) {
        if (rooms[index].starts_with('!')) continue;
        std::vector<std::string> place = path;
        place.push_back(std::to_string(index));
        throw callbacks::ConfigError("must be a room id, which begins with !", std::move(place));
    }
    return rooms;
}

/// False when its owner has ended: a coroutine that is destroyed where it waits, too.
class Reading {
public:
    explicit Reading(bool& flag) noexcept : flag_(flag) { flag_ = true; }
    ~Reading() { flag_ = false; }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

private:
    bool& flag_;
};

}  // namespace

Module::Config Module::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys({"ban_lists", "block_invites", "block_messages", "block_usernames", "message_max_length"});
    Config parsed;
    parsed.ban_lists = room_ids(config, {"ban_lists"});
    parsed.block_invites = config.value_or<bool>("block_invites", true);
    parsed.block_messages = config.value_or<bool>("block_messages", false);
    parsed.block_usernames = config.value_or<bool>("block_usernames", false);
    const modapi::ConfigSection length = config.section("message_max_length");
    length.refuse_unknown_keys({"threshold", "rooms", "remote_servers"});
    parsed.longest_message = length.optional<std::int64_t>("threshold");
    if (parsed.longest_message && *parsed.longest_message < 0) length.fail("threshold", "must not be negative");
    const std::vector<std::string> rooms = room_ids(length, {"message_max_length", "rooms"});
    parsed.length_limited_rooms.insert(rooms.begin(), rooms.end());
    parsed.limits_remote_servers = length.value_or<bool>("remote_servers", false);
    return parsed;
}

Module::Module(Config config, modapi::ModuleApi& api)
    : config_(std::move(config)), api_(api), followed_(config_.ban_lists.begin(), config_.ban_lists.end()) {
    api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&Module::check_event_for_spam>(this),
                                         .user_may_invite = async::bind<&Module::user_may_invite>(this),
                                         .check_username_for_spam = async::bind<&Module::check_username_for_spam>(this)});
    api.register_third_party_rules_callbacks({.on_new_event = async::bind<&Module::on_new_event>(this)});
}

async::task<void> Module::start() {
    for (const std::string& room_id : followed_) {
        const bool is_there = co_await has_local_member(room_id);
        if (!is_there) {
            api_.logger().warn("nobody of this server is in the list room {}: no rules from there until somebody joins",
                               room_id);
            continue;
        }
        Change whole_list;
        whole_list.room_id = room_id;
        co_await read(whole_list);
        api_.logger().info("list room {} bans {} entities", room_id, rules_.size(room_id));
    }
}

async::task<bool> Module::has_local_member(std::string room_id) {
    const std::vector<std::string> members = co_await api_.get_members(room_id);
    co_return std::any_of(members.begin(), members.end(), [this](const std::string& member) { return api_.is_mine(member); });
}

async::task<void> Module::read(Change change) {
    callbacks::StateFilter wanted;
    if (change.place) {
        wanted.push_back(*change.place);
    } else {
        for (const std::string& type : policy_event_types()) wanted.emplace_back(type);
    }
    const callbacks::StateMap found = co_await api_.get_room_state(change.room_id, wanted);
    if (change.place) {
        rules_.withdraw(change.room_id, change.place->type, change.place->state_key.value_or(std::string()));
    } else {
        rules_.withdraw_all(change.room_id);
    }
    for (const auto& [place, event] : found) rules_.set(event);
}

async::task<void> Module::on_new_event(const callbacks::Event& event, const callbacks::StateMap&) {
    if (!is_list(event.room_id())) co_return;
    Change change;
    change.room_id = event.room_id();
    if (policy_kind_of(event.type()) && event.is_state()) {
        change.place.emplace(event.type(), event.state_key());
    } else {
        // What a redaction took away, and whose join makes the list known, only the room's state tells.
        const bool joins = event.membership() == "join" && event.state_key() && api_.is_mine(*event.state_key());
        if (event.type() != "m.room.redaction" && !joins) co_return;
    }
    changes_.push_back(std::move(change));
    // One after the other, from the room's state as it is then: of two changes the later one wins, in whatever order they are
    // heard of.
    if (is_reading_) co_return;
    const Reading reading(is_reading_);
    while (!changes_.empty()) {
        const Change next = changes_.front();
        co_await read(next);
        changes_.pop_front();
    }
}

async::task<callbacks::Verdict> Module::check_event_for_spam(const callbacks::Event& event) {
    // Who was banned by mistake must still be able to lift the ban.
    if (event.is_state() && is_list(event.room_id()) && policy_kind_of(event.type())) co_return callbacks::NOT_SPAM;
    if (config_.block_messages && is_banned(event.sender())) co_return callbacks::Codes::FORBIDDEN;
    if (is_too_long(event)) co_return callbacks::Codes::FORBIDDEN;
    co_return callbacks::NOT_SPAM;
}

bool Module::is_banned(const std::string& user_id) const {
    return rules_.bans(PolicyKind::user, user_id) || rules_.bans(PolicyKind::server, callbacks::domain_of(user_id));
}

bool Module::is_too_long(const callbacks::Event& event) const {
    if (!config_.longest_message) return false;
    const std::optional<std::string_view> body = event.content_string("body");
    if (!body) return false;
    if (!config_.limits_remote_servers && !api_.is_mine(event.sender())) return false;
    if (!config_.length_limited_rooms.empty() && !config_.length_limited_rooms.contains(event.room_id())) return false;
    return length_of(*body) > *config_.longest_message;
}

async::task<callbacks::Verdict> Module::user_may_invite(const std::string& inviter, const std::string&,
                                                        const std::string& room_id) {
    if (config_.block_invites && (is_banned(inviter) || rules_.bans(PolicyKind::room, room_id))) {
        co_return callbacks::Codes::FORBIDDEN;
    }
    co_return callbacks::NOT_SPAM;
}

async::task<bool> Module::check_username_for_spam(const callbacks::UserProfile& profile) {
    if (!config_.block_usernames) co_return false;
    if (rules_.bans(PolicyKind::user, profile.user_id)) co_return true;
    co_return profile.display_name&& rules_.bans(PolicyKind::user, *profile.display_name);
}

}  // namespace mjolnir
