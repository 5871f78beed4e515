#include "process/other_processes.h"

#include "events/notifier.h"
#include "events/stream.h"
#include "presence/presence_interests.h"

#include <async/co_spawn.h>
#include <async/sleep.h>

#include <boost/asio/post.hpp>

#include <spdlog/spdlog.h>

#include <chrono>
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

constexpr const char* topic_of_readers = "homeserver.have_read";
constexpr std::chrono::milliseconds others_have{2000};
constexpr std::chrono::milliseconds looks_again_after{2};

}  // namespace

OtherProcesses::OtherProcesses(modapi::Database& database, Notifier& notifier, const PresenceInterests& presence_interests,
                               std::string process, modapi::ProcessGroup& group)
    : database_(database),
      group_(group),
      work_(io_.get_executor()),
      where_(io_.get_executor()),
      follower_(
          where_, database, notifier,
          [&presence_interests](const std::string& user_id) { return presence_interests.watchers_of(user_id); },
          question_of(database, std::move(process))) {
    group_.questions().answer(topic_of_readers, [this](callbacks::JsonDict question) { return read_on(*this, std::move(question)); });
    notifier.ask_readers_by([this] { return have_read_on(); });
    follower_.start(&group_.bus());
    thread_ = std::thread([this] { io_.run(); });
}

async::task<void> OtherProcesses::have_read_on() {
    const std::int64_t position = co_await database_.read("find_newest_position", &current_stream_position);
    callbacks::JsonDict question;
    question["position"] = position;
    async::task<modapi::ProcessAnswers> asking =
        modapi::Questions::ask(group_.questions(), topic_of_readers, std::move(question), others_have);
    static_cast<void>(co_await std::move(asking));
}

async::task<callbacks::JsonDict> OtherProcesses::read_on(OtherProcesses& self, callbacks::JsonDict question) {
    const std::int64_t position = question.at("position").as_int64();
    const async::context& here = co_await async::this_context;
    const async::clock::time_point end = here.clock().now() + others_have;
    while (self.follower_.has_read_to() < position && here.clock().now() < end) {
        boost::asio::post(self.io_, [&self] { self.follower_.look(); });
        co_await async::sleep_for(looks_again_after);
    }
    co_return callbacks::JsonDict();
}

OtherProcesses::~OtherProcesses() {
    async::co_spawn(where_, follower_.stop(), [this](const std::exception_ptr&) { work_.reset(); });
    thread_.join();
}

}  // namespace homeserver
