#include "process/other_processes.h"

#include "events/notifier.h"
#include "presence/presence_interests.h"

#include <async/co_spawn.h>

#include <exception>
#include <utility>

namespace homeserver {

namespace {

StreamQuestion question_of(modapi::Database& database, std::string process) {
    StreamQuestion question;
    question.after = newest_position(database);
    question.process = std::move(process);
    return question;
}

}  // namespace

OtherProcesses::OtherProcesses(modapi::Database& database, Notifier& notifier, const PresenceInterests& presence_interests,
                               std::string process, modapi::Bus* bus)
    : work_(io_.get_executor()),
      where_(io_.get_executor()),
      follower_(
          where_, database, notifier,
          [&presence_interests](const std::string& user_id) { return presence_interests.watchers_of(user_id); },
          question_of(database, std::move(process))) {
    follower_.start(bus);
    thread_ = std::thread([this] { io_.run(); });
}

OtherProcesses::~OtherProcesses() {
    async::co_spawn(where_, follower_.stop(), [this](const std::exception_ptr&) { work_.reset(); });
    thread_.join();
}

}  // namespace homeserver
