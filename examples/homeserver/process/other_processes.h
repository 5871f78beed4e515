#pragma once

#include "events/stream_follower.h"

#include <modapi/database.h>
#include <modapi/hosting/process_group.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <string>
#include <thread>

namespace homeserver {

class Notifier;
class PresenceInterests;

/// What this process hears of the others over its database, on a thread of its own that no module can block. Only where there
/// can be others: on PostgreSQL. Cost while it is alone: a look at one row every three seconds.
class OtherProcesses {
public:
    /// Hears from now on of what comes behind the newest position. `process`: by which this one's connections store events
    /// (options_of_process). `group`: by which they hear of each other, before it begins. All outlive it. Errors: modapi::DatabaseError.
    OtherProcesses(modapi::Database& database, Notifier& notifier, const PresenceInterests& presence_interests,
                   std::string process, modapi::ProcessGroup& group);
    ~OtherProcesses();
    OtherProcesses(const OtherProcesses&) = delete;
    OtherProcesses& operator=(const OtherProcesses&) = delete;

private:
    [[nodiscard]] async::task<void> have_read_on();
    [[nodiscard]] static async::task<callbacks::JsonDict> read_on(OtherProcesses& self, callbacks::JsonDict question);

    modapi::Database& database_;
    modapi::ProcessGroup& group_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    async::environment where_;
    StreamFollower follower_;
    std::thread thread_;
};

}  // namespace homeserver
