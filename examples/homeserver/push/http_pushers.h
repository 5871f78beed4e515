#pragma once

#include "push/pushers.h"

#include <modapi/database.h>

#include <callbacks/account_validity.h>

#include <async/clock.h>
#include <async/context.h>
#include <async/notification.h>
#include <async/scope.h>
#include <async/task.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace homeserver {

class PushGateway;

/// Whose pushers are to be looked at: users, and the sorted members of rooms, as they are: most of them have none.
struct UsersToPush {
    std::set<std::string> users;
    std::set<std::shared_ptr<const std::vector<std::string>>> members;
    [[nodiscard]] bool empty() const noexcept { return users.empty() && members.empty(); }
};

/// How long a pusher whose gateway fails is left alone: a second, then twice as long each time, an hour at most.
class RetryDelay {
public:
    [[nodiscard]] std::chrono::seconds next() noexcept;
    void reset() noexcept { delay_ = min_delay; }

private:
    static constexpr std::chrono::seconds min_delay{1};
    std::chrono::seconds delay_ = min_delay;
};

/// Tells the gateways of users' pushers of what the users are notified about and haven't read: in order, one at a time for each
/// pusher. What is to be told is in the database: a restart loses nothing, and nobody who sends an event waits.
///
/// A gateway that fails is tried again for a day; what came meanwhile is then left out. Of the main worker; everything on its
/// thread. Held in memory: the pushers at work, of which 64 talk to gateways at once.
class HttpPushers {
public:
    /// All outlive it. `lease`: what must hold for what was told to be noted; null: nothing.
    HttpPushers(const async::environment& where, modapi::Database& database,
                callbacks::AccountValidityDispatch& account_validity, PushGateway& gateway,
                std::shared_ptr<const modapi::TransactionCondition> lease);
    ~HttpPushers();

    /// Takes up what was left when the server ended.
    void start();
    /// There may be something to tell these users, and the members of a room; null: of none. Looked at at once, or together with
    /// all that comes within 50 ms of the last look.
    void look(const std::vector<std::string>& users, std::shared_ptr<const std::vector<std::string>> members);
    [[nodiscard]] async::task<void> stop();

private:
    struct Key {
        std::string user_id;
        std::string app_id;
        std::string pushkey;
        auto operator<=>(const Key&) const = default;
    };
    struct AtWork {
        bool is_to_look_again = false;
    };

    void look_on();
    [[nodiscard]] async::task<void> find_work();
    [[nodiscard]] async::task<void> look_once();
    [[nodiscard]] async::task<void> take_up_what_was_left();
    /// Begins with what is due to those whose account hasn't expired; to the others with the first event after its renewal.
    /// A module that throws ends this round.
    [[nodiscard]] async::task<void> begin_due(UsersToPush users);
    void begin(Pusher pusher);
    /// Tells one gateway until there is nothing more to tell.
    [[nodiscard]] async::task<void> serve(Pusher pusher);
    [[nodiscard]] async::task<void> tell_all(Pusher pusher, AtWork& work);

    modapi::Database& database_;
    const async::clock& clock_;
    callbacks::AccountValidityDispatch& account_validity_;
    PushGateway& gateway_;
    std::shared_ptr<const modapi::TransactionCondition> lease_;
    async::scope scope_;
    UsersToPush users_;  ///< to be looked at
    bool is_looking_ = false;
    std::map<Key, AtWork> at_work_;
    std::size_t talking_ = 0;
    async::notification talked_;
};

}  // namespace homeserver
