#include "rooms/shutdown.h"

#include "accounts/accounts.h"
#include "events/room_store.h"
#include "rooms/aliases.h"
#include "rooms/appended_event.h"
#include "rooms/membership.h"
#include "rooms/shut_down_rooms.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <functional>
#include <utility>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using modapi::Transaction;

/// Users of other servers are only theirs to take out.
std::vector<std::string> users_to_remove(Transaction& transaction, const std::string& room_id, const std::string& server_name) {
    std::vector<std::string> users = users_with_membership(transaction, room_id, "join");
    for (std::string& invited : users_with_membership(transaction, room_id, "invite")) users.push_back(std::move(invited));
    std::erase_if(users, [&](const std::string& user_id) { return callbacks::domain_of(user_id) != server_name; });
    return users;
}

std::vector<std::string> users_to_tell(Transaction& transaction, const std::string& room_id, const std::string& server_name,
                                       const std::function<void(Transaction&)>& require) {
    if (require) require(transaction);
    return users_to_remove(transaction, room_id, server_name);
}

std::string turn_at(const std::string& room_id) { return "deletion of " + room_id; }

/// Every row of the room goes, in one transaction; gives the aliases it had. Those who were in it, and who could not leave, are
/// told so.
std::vector<std::string> purge(Transaction& transaction, const std::string& room_id, std::vector<std::string> users,
                               const std::string& server_name) {
    std::vector<std::string> aliases = aliases_of_room(transaction, room_id);
    for (std::string& user_id : users_to_remove(transaction, room_id, server_name)) users.push_back(std::move(user_id));
    if (!users.empty()) note_shut_down(transaction, room_id, users);
    delete_room(transaction, room_id);
    return aliases;
}

async::task<bool> leave(Memberships& memberships, std::string room_id, std::string user_id,
                        std::function<bool(Transaction&)> still_wanted) {
    try {
        MembershipChange change;
        change.still_wanted = std::move(still_wanted);
        change.room_id = room_id;
        change.sender = user_id;
        change.target = user_id;
        change.membership = "leave";
        co_await memberships.change(std::move(change));
        co_return true;
    } catch (const std::exception& error) {
        spdlog::warn("{} could not leave room {}: {}", user_id, room_id, error.what());
        co_return false;
    }
}

std::vector<std::string> rooms_to_leave(Transaction& transaction, const std::string& user_id) {
    std::vector<std::string> rooms = rooms_with_membership(transaction, user_id, "join");
    for (const char* const pending : {"invite", "knock"}) {
        for (std::string& room_id : rooms_with_membership(transaction, user_id, pending)) rooms.push_back(std::move(room_id));
    }
    return rooms;
}

}  // namespace

async::task<SharedTurns::Turn> RoomShutdown::begin(std::string room_id) { return turns_.begin(turn_at(room_id)); }

async::task<JsonDict> RoomShutdown::shut_down_in_turn(std::string asked_by, std::string room_id,
                                                      std::function<void(Transaction&)> require) {
    SharedTurns::Turn turn = co_await turns_.take(turn_at(room_id));
    JsonDict answer = co_await shut_down(std::move(turn), std::move(asked_by), std::move(room_id), std::move(require));
    co_return answer;
}

async::task<JsonDict> RoomShutdown::shut_down(SharedTurns::Turn turn, std::optional<std::string> asked_by, std::string room_id,
                                              std::function<void(Transaction&)> require) {
    const SharedTurns::Turn held = std::move(turn);
    const bool allowed = co_await third_party_rules_.check_can_shutdown_room(asked_by, room_id);
    if (!allowed) throw callbacks::SynapseError(403, "Shutdown of this room is forbidden", callbacks::Codes::FORBIDDEN);
    const std::vector<std::string> users =
        co_await database_.read("users_of_room", &users_to_tell, room_id, server_name_.text(), std::move(require));
    JsonArray kicked;
    JsonArray failed;
    for (const std::string& user_id : users) {
        const bool left = co_await leave(memberships_, room_id, user_id, nullptr);
        (left ? kicked : failed).emplace_back(user_id);
    }
    co_await notifier_.all_have_read();
    const std::vector<std::string> aliases =
        co_await database_.run_in_turn("purge_room", &purge, room_id, users, server_name_.text());
    notifier_.wake(users);
    JsonDict answer;
    answer["kicked_users"] = std::move(kicked);
    answer["failed_to_kick_users"] = std::move(failed);
    answer["local_aliases"] = JsonArray(aliases.begin(), aliases.end());
    answer["new_room_id"] = nullptr;
    co_return answer;
}

async::task<void> leave_all_rooms(modapi::Database& database, Memberships& memberships, std::string user_id) {
    const std::vector<std::string> rooms = co_await database.read("rooms_of_user", &rooms_to_leave, user_id);
    const std::function<bool(Transaction&)> still_deactivated = [user_id](Transaction& transaction) {
        return is_deactivated(transaction, user_id);
    };
    for (const std::string& room_id : rooms) {
        static_cast<void>(co_await leave(memberships, room_id, user_id, still_deactivated));
    }
}

}  // namespace homeserver
