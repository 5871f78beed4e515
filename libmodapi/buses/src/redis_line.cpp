#include "redis_line.h"

#include <async/sleep.h>

#include <utility>

namespace modapi {

namespace {

std::string name_of(const RedisSettings& settings) {
    const bool is_path = settings.host.starts_with('/');
    return "Redis at " + settings.host + (is_path ? std::string() : ", port " + std::to_string(settings.port));
}

}  // namespace

RedisLine::RedisLine(const boost::asio::any_io_executor& executor, const RedisSettings& settings,
                     const std::string& server_name, std::chrono::milliseconds answer_within)
    : settings_(settings),
      name_(name_of(settings)),
      // Its databases share all channels.
      channel_("modapi_bus/" + std::to_string(settings.dbid) + "/" + server_name),
      answer_within_(answer_within),
      tells_(executor, settings_),
      hears_(executor, settings_) {}

async::task<void> RedisLine::open() {
    async::task<void> connecting = connect_both();
    co_await async::with_deadline(answer_within_, std::move(connecting));
}

async::task<void> RedisLine::connect_both() {
    co_await tells_.open();
    const std::string select = redis_command({"SELECT", std::to_string(settings_.dbid)});
    co_await tells_.write(select);
    co_await tells_.read();
    co_await hears_.open();
    const std::string subscribe = redis_command({"SUBSCRIBE", channel_});
    co_await hears_.write(subscribe);
    co_await hears_.read();
}

void RedisLine::close() noexcept {
    tells_.close();
    hears_.close();
}

async::task<void> RedisLine::send(std::vector<std::string> packets) {
    if (packets.empty()) co_return co_await ask_both();
    std::string commands;
    for (const std::string& packet : packets) commands += redis_command({"PUBLISH", channel_, packet});
    co_await tells_.write(std::move(commands));
    for (std::size_t answers = 0; answers < packets.size(); ++answers) co_await tells_.read();
}

async::task<void> RedisLine::ask_both() {
    const std::string ping = redis_command({"PING"});
    co_await tells_.write(ping);
    co_await tells_.read();
    co_await hears_.write(ping);
    co_await pong_.wait();
}

async::task<std::string> RedisLine::receive() {
    while (true) {
        const RedisReply reply = co_await hears_.read();
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) continue;
        const std::string_view kind = text_of(*reply->element[0]);
        if (kind == "pong") pong_.notify_all();
        if (kind == "message" && reply->elements == 3) co_return std::string(text_of(*reply->element[2]));
    }
}

}  // namespace modapi
