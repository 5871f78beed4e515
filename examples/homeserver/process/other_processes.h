#pragma once

#include "events/stream_follower.h"

#include <modapi/database.h>
#include <modapi/hosting/bus.h>

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
    /// (options_of_process). `bus`: null: none. All outlive it. Errors: modapi::DatabaseError.
    OtherProcesses(modapi::Database& database, Notifier& notifier, const PresenceInterests& presence_interests,
                   std::string process, modapi::Bus* bus);
    ~OtherProcesses();
    OtherProcesses(const OtherProcesses&) = delete;
    OtherProcesses& operator=(const OtherProcesses&) = delete;

private:
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    async::environment where_;
    StreamFollower follower_;
    std::thread thread_;
};

}  // namespace homeserver
