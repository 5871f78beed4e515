#pragma once

#include "rooms/create_room.h"
#include "rooms/event_sender.h"
#include "rooms/membership.h"
#include "rooms/shutdown.h"
#include "text/server_name.h"

#include <async/scope.h>

#include <modapi/database.h>
#include <modapi/services/room_services.h>

namespace homeserver {

/// Rooms for modules, by the operations that the endpoints use.
class ModuleRooms final : public modapi::RoomServices {
public:
    ModuleRooms(modapi::Database& database, const ServerName& server_name, async::scope& background,
                EventSender& event_sender, Memberships& memberships, RoomCreation& room_creation,
                RoomShutdown& room_shutdown) noexcept
        : database_(database),
          server_name_(server_name),
          background_(background),
          event_sender_(event_sender),
          memberships_(memberships),
          room_creation_(room_creation),
          room_shutdown_(room_shutdown) {}

    [[nodiscard]] async::task<callbacks::Event> create_and_send_event(callbacks::JsonDict event) override;
    [[nodiscard]] async::task<std::vector<callbacks::Event>> send_events(std::vector<callbacks::JsonDict> events) override;
    [[nodiscard]] async::task<std::optional<callbacks::Event>> send_event_if(callbacks::JsonDict event, std::string type,
                                                                             std::string state_key,
                                                                             std::optional<std::string> expected) override;
    [[nodiscard]] async::task<callbacks::Event> update_room_membership(callbacks::UserID sender, callbacks::UserID target,
                                                                       std::string room_id, std::string new_membership,
                                                                       callbacks::JsonDict content,
                                                                       std::vector<std::string> remote_room_hosts) override;
    [[nodiscard]] async::task<std::pair<std::string, std::optional<std::string>>> create_room(
        callbacks::UserID user, callbacks::JsonDict config, bool ratelimit,
        std::optional<callbacks::JsonDict> creator_join_profile) override;
    [[nodiscard]] async::task<void> delete_room(callbacks::RoomID room) override;
    [[nodiscard]] async::task<callbacks::StateMap> get_room_state(std::string room_id,
                                                                  std::optional<callbacks::StateFilter> filter) override;
    [[nodiscard]] async::task<std::optional<callbacks::Event>> get_event(std::string event_id) override;
    [[nodiscard]] async::task<std::vector<std::string>> get_members(std::string room_id, std::string membership) override;
    [[nodiscard]] async::task<std::vector<std::string>> get_rooms_for_user(std::string user_id,
                                                                           std::string membership) override;
    [[nodiscard]] async::task<std::pair<std::string, std::vector<std::string>>> lookup_room_alias(
        callbacks::RoomAlias alias) override;
    [[nodiscard]] async::task<bool> room_is_in_public_room_list(std::string room_id) override;
    [[nodiscard]] async::task<void> set_room_is_in_public_room_list(std::string room_id, bool is_in_list) override;

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    async::scope& background_;
    EventSender& event_sender_;
    Memberships& memberships_;
    RoomCreation& room_creation_;
    RoomShutdown& room_shutdown_;
};

}  // namespace homeserver
