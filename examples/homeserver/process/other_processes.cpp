#include "process/other_processes.h"

#include "events/notifier.h"
#include "presence/presence_interests.h"

#include <async/co_spawn.h>

#include <spdlog/spdlog.h>

#include <exception>
#include <optional>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

void find_process(modapi::Transaction& transaction, void* process) {
    const auto row = transaction.query_one<std::optional<std::string>>("SELECT current_setting('homeserver.process', true)");
    *static_cast<std::string*>(process) = std::get<0>(row.value()).value_or(std::string());
}

/// What stands between may have dropped the connections' options.
void require_options(modapi::Database& database, const std::string& process) {
    std::string found;
    database.run_blocking("find_process", &find_process, &found);
    if (found == process) return;
    spdlog::warn(
        "the PostgreSQL server isn't told whose connections these are, since a proxy drops libpq's options: modules hear of "
        "this "
        "process's events twice");
}

StreamQuestion question_of(modapi::Database& database, std::string process) {
    require_options(database, process);
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
