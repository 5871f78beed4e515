#include "synapse_auto_accept_invite.h"

#include <spdlog/logger.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace {

/// What is waited before each attempt: just after an invite from another server, joining may fail for a moment.
constexpr double seconds_before_attempt[] = {0, 1, 2, 4, 8};

bool is_direct(const callbacks::Event& invite) {
    const callbacks::JsonValue* const mark = invite.content().if_contains("is_direct");
    return mark != nullptr && mark->is_bool() && mark->get_bool();
}

std::string worker_text(const std::optional<std::string>& name) { return name ? "worker " + *name : "the main worker"; }

}  // namespace

InviteAutoAccepter::Config InviteAutoAccepter::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys(
        {"accept_invites_only_for_direct_messages", "accept_invites_only_from_local_users", "worker_to_run_on"});
    Config parsed;
    parsed.accept_invites_only_for_direct_messages = config.value_or("accept_invites_only_for_direct_messages", false);
    parsed.accept_invites_only_from_local_users = config.value_or("accept_invites_only_from_local_users", false);
    parsed.worker_to_run_on = config.optional<std::string>("worker_to_run_on");
    return parsed;
}

InviteAutoAccepter::InviteAutoAccepter(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
    if (api.worker_name() != config_.worker_to_run_on) {
        api.logger().info("invites are accepted on {}, not on {}", worker_text(config_.worker_to_run_on),
                          worker_text(api.worker_name()));
        return;
    }
    api.register_third_party_rules_callbacks({.on_new_event = async::bind<&InviteAutoAccepter::on_new_event>(this)});
}

async::task<void> InviteAutoAccepter::on_new_event(const callbacks::Event& event, const callbacks::StateMap&) {
    if (!is_acceptable(event)) co_return;
    const std::string& invitee = event.state_key().value();
    api_.delayed_background_call(0, async::bind<&InviteAutoAccepter::join>(this), invitee, event.room_id());
    if (!is_direct(event)) co_return;
    DirectRoom room;
    room.inviter = event.sender();
    room.room_id = event.room_id();
    co_await mark_as_direct(invitee, std::move(room));
}

bool InviteAutoAccepter::is_acceptable(const callbacks::Event& event) const {
    if (event.type() != "m.room.member" || !event.is_state() || event.membership() != "invite") return false;
    if (!api_.is_mine(*event.state_key())) return false;
    if (config_.accept_invites_only_for_direct_messages && !is_direct(event)) return false;
    return !config_.accept_invites_only_from_local_users || api_.is_mine(event.sender());
}

async::task<void> InviteAutoAccepter::join(const std::string& invitee, const std::string& room_id) {
    for (const double seconds : seconds_before_attempt) {
        co_await api_.sleep(seconds);
        try {
            co_await api_.update_room_membership(invitee, invitee, room_id, "join");
            co_return;
        } catch (const std::exception& failure) {
            api_.logger().info("{} couldn't join {}: {}", invitee, room_id, failure.what());
        }
    }
}

async::task<void> InviteAutoAccepter::mark_as_direct(std::string invitee, DirectRoom room) {
    const auto [entry, is_first] = direct_rooms_waiting_.try_emplace(invitee);
    std::vector<DirectRoom>& waiting = entry->second;
    waiting.push_back(std::move(room));
    if (!is_first) co_return;  // whoever is writing for this user takes it along
    try {
        co_await write_direct_rooms(invitee, waiting);
    } catch (...) {
        direct_rooms_waiting_.erase(invitee);
        throw;
    }
    direct_rooms_waiting_.erase(invitee);
}

async::task<void> InviteAutoAccepter::write_direct_rooms(const std::string& invitee, std::vector<DirectRoom>& waiting) {
    while (!waiting.empty()) {
        const std::shared_ptr<const callbacks::JsonDict> present =
            co_await api_.account_data_manager().get_global(invitee, "m.direct");
        callbacks::JsonDict direct = present == nullptr ? callbacks::JsonDict() : *present;
        bool is_changed = false;
        for (const DirectRoom& room : std::exchange(waiting, {})) is_changed = add_room(direct, invitee, room) || is_changed;
        if (!is_changed) continue;
        co_await api_.account_data_manager().put_global(invitee, "m.direct", std::move(direct));
    }
}

bool InviteAutoAccepter::add_room(callbacks::JsonDict& direct, const std::string& invitee, const DirectRoom& room) {
    callbacks::JsonValue& entry = direct.emplace(room.inviter, callbacks::JsonArray()).first->value();
    callbacks::JsonArray* const rooms = entry.if_array();
    if (rooms == nullptr) {
        api_.logger().warn("{} has no list for {} in m.direct: {} isn't marked as direct", invitee, room.inviter, room.room_id);
        return false;
    }
    const bool is_listed = std::find(rooms->begin(), rooms->end(), callbacks::JsonValue(room.room_id)) != rooms->end();
    if (!is_listed) rooms->emplace_back(room.room_id);
    return !is_listed;
}
