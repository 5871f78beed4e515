// Fills a database with rooms by the reference homeserver's own functions: the rows are those that requests would have left,
// in large transactions and without HTTP.
//
// usage: homeserver_fill DATABASE SIGNING_KEY SERVER_NAME ROOMS OWNER GUEST GUEST_ROOMS
// The users and the tables are there already, and the server is stopped. Every room gets ten events; OWNER is joined to all,
// GUEST to the first GUEST_ROOMS. Prints the rooms' ids, one per line.

#include "events/stream.h"
#include "rooms/event_building.h"
#include "rooms/room_request.h"
#include "text/secrets.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using homeserver::Draft;

constexpr int events_of_room = 10;
constexpr int rooms_of_transaction = 200;

struct Work {
    const homeserver::EventOrigin& origin;
    std::string owner;
    std::string guest;
};

/// A room in the making, as its members would send into it one after the other.
class Room {
public:
    Room(modapi::Transaction& transaction, const Work& work)
        : transaction_(transaction),
          work_(work),
          id_("!" + homeserver::new_room_localpart() + ":" + work.origin.server_name.text()) {}

    /// What createRoom does without any wish.
    void create() {
        homeserver::insert_room(transaction_, id_, work_.owner, false);
        head_ = homeserver::find_head(transaction_, id_).value();
        JsonDict creation;
        creation["room_version"] = "10";
        creation["creator"] = work_.owner;
        send(work_.owner, "m.room.create", "", std::move(creation));
        set_membership(work_.owner, work_.owner, "join");
        const homeserver::RoomRequest request =
            homeserver::read_room_request(JsonDict(), work_.owner, work_.origin.server_name.text());
        for (const homeserver::InitialState& wanted : request.state)
            send(work_.owner, wanted.type, wanted.state_key, wanted.content);
    }
    void let_in_guest() {
        set_membership(work_.owner, work_.guest, "invite");
        set_membership(work_.guest, work_.guest, "join");
    }
    void talk() {
        while (count_ < events_of_room) {
            JsonDict content;
            content["msgtype"] = "m.text";
            content["body"] = "message " + std::to_string(count_);
            send(work_.owner, "m.room.message", std::nullopt, std::move(content));
        }
    }
    [[nodiscard]] const std::string& id() const noexcept { return id_; }

private:
    void set_membership(const std::string& sender, const std::string& target, const char* membership) {
        JsonDict content;
        content["membership"] = membership;
        content["displayname"] = target.substr(1, target.find(':') - 1);
        send(sender, "m.room.member", target, std::move(content));
    }
    void send(const std::string& sender, const std::string& type, std::optional<std::string> state_key, JsonDict content) {
        Draft draft;
        draft.room_id = id_;
        draft.type = type;
        draft.sender = sender;
        draft.state_key = std::move(state_key);
        draft.content = std::move(content);
        const Event event = homeserver::build_event(work_.origin, draft, head_, state_);
        homeserver::authorize(event, state_);
        if (event.is_state()) state_.set(event);
        const std::int64_t position = homeserver::next_stream_position(transaction_);
        homeserver::append_event(transaction_, event, position, std::nullopt, head_, state_);
        ++count_;
    }

    modapi::Transaction& transaction_;
    const Work& work_;
    std::string id_;
    homeserver::RoomHead head_;
    callbacks::StateMap state_;
    int count_ = 0;
};

using Step = std::function<void(modapi::Transaction&)>;

void run_step(modapi::Transaction& transaction, void* step) { (*static_cast<Step*>(step))(transaction); }

void fill(modapi::Database& database, const Work& work, int rooms, int guest_rooms) {
    for (int first = 0; first < rooms; first += rooms_of_transaction) {
        std::string created;
        Step step = [&](modapi::Transaction& transaction) {
            created.clear();
            for (int number = first; number < std::min(rooms, first + rooms_of_transaction); ++number) {
                Room room(transaction, work);
                room.create();
                if (number < guest_rooms) room.let_in_guest();
                room.talk();
                created += room.id() + "\n";
            }
        };
        database.run_blocking("fill", &run_step, &step);
        std::cout << created;
    }
}

}  // namespace

int main(int count, char** arguments) try {
    if (count != 8) {
        std::cerr << "usage: homeserver_fill DATABASE SIGNING_KEY SERVER_NAME ROOMS OWNER GUEST GUEST_ROOMS\n";
        return 2;
    }
    modapi::DatabaseSettings settings;
    settings.database = arguments[1];
    settings.readers = 0;
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(settings);
    const homeserver::SigningKey key = homeserver::SigningKey::load_or_create(arguments[2]);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const homeserver::ServerName server_name(arguments[3]);
    const homeserver::EventOrigin origin{key, server_name, std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
    fill(*database, {origin, arguments[5], arguments[6]}, std::atoi(arguments[4]), std::atoi(arguments[7]));
} catch (const std::exception& error) {
    std::cerr << "homeserver_fill: " << error.what() << '\n';
    return 1;
}
