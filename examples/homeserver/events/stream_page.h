#pragma once

#include "events/audience.h"

#include <callbacks/event.h>
#include <modapi/database.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// What other processes have stored, read from the rows of the stream's positions.
namespace homeserver {

/// An event that another process has stored, with the state of its room as of it.
struct ForeignEvent {
    std::int64_t position = 0;
    callbacks::Event event;
    std::shared_ptr<const callbacks::StateMap> state;
};

/// Those who are interested in a user's presence beyond their rooms, in this process.
using WatchersOf = std::function<std::vector<std::string>(const std::string& user_id)>;

/// The states of the rooms that other processes wrote to lately, each as of the last position that was read.
///
/// Memory: at most `max_events` events; all go at once. Thread: one transaction at a time.
class FollowedStates {
public:
    explicit FollowedStates(std::size_t max_events = 20'000) noexcept : max_events_(max_events) {}

    /// The room's state with everything up to `position`, at which `event` stands. Every event of the room is shown here in the
    /// order of the positions, at least those that may change its state; again after a transaction that is tried again.
    [[nodiscard]] std::shared_ptr<const callbacks::StateMap> with(modapi::Transaction& transaction, std::int64_t position,
                                                                  const callbacks::Event& event);
    /// Nobody asks for the state with that event, which may change it.
    void pass(std::int64_t position, const callbacks::Event& event);
    /// Not every event is shown any more.
    void clear() noexcept;

private:
    struct Known {
        std::int64_t position = 0;
        std::shared_ptr<const callbacks::StateMap> state;
    };
    Known* find(std::int64_t position, const callbacks::Event& event);

    std::size_t max_events_;
    std::size_t events_ = 0;
    std::map<std::string, Known> rooms_;
};

/// What is asked of the stream.
struct StreamQuestion {
    std::int64_t after = 0;         ///< position
    std::string process;            ///< this one, whose own events its workers have told of
    std::int64_t width = 500;       ///< at most so many positions at once
    std::int64_t too_far = 10'000;  ///< so many behind, nobody is woken by name
};

/// What was answered.
struct StreamPage {
    std::int64_t until = 0;  ///< position up to which all was read
    bool is_last = true;     ///< nothing is behind it
    bool is_for_everybody = false;
    std::vector<std::string> users;    ///< for whom something may be new; some of them may be named twice
    std::vector<ForeignEvent> events;  ///< in the order of their positions
};

/// Reads on. Cost: a look at the counter while nobody is in the audience; else some queries by index for each page. For
/// Database::read on PostgreSQL. An event that is gone again, since its room was purged, is nobody's.
[[nodiscard]] StreamPage read_stream(modapi::Transaction& transaction, const StreamQuestion& question, const Audience& audience,
                                     FollowedStates& states, const WatchersOf& watchers_of);

/// What the tables have for it: who stored an event, and indexes. On PostgreSQL, for the schema.
[[nodiscard]] std::vector<std::string> schema_of_followed_stream();
/// libpq's `options` with which a connection says whose events it stores.
[[nodiscard]] std::string options_of_process(const std::string& process);

}  // namespace homeserver
