#pragma once

#include "events/audience.h"

#include <modapi/hosting/bus.h>
#include <modapi/hosting/new_event.h>
#include <modapi/hosting/worker_bus.h>

#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

/// What one worker tells all.
struct News {
    std::shared_ptr<modapi::NewEvent> event;  ///< that was stored; null: no module asks for it, or something else is new
    std::vector<std::string> users;           ///< for whom it is new
    std::shared_ptr<const std::vector<std::string>> members{};  ///< of the event's room, for whom it is new too; null: none
    /// Of the stream, up to where it is new: who has looked since knows it already. 0: whoever looked before.
    std::int64_t position = 0;
    bool is_for_everybody = false;  ///< there is too much to name them
};

/// Topics of the bus between processes: something was stored in the stream, and a user's syncs end.
inline constexpr const char* stream_topic = "stream";
inline constexpr const char* woken_user_topic = "woken user";

/// Carries news from the worker where they happened to all workers of the process, the same one included. Where there are other
/// processes they are told that there is something to read (StreamFollower). Thread: any.
class Notifier {
public:
    using Handler = modapi::WorkerBus<News>::Handler;

    /// `handler` is called on `executor` for all news from now on, in their order. Gives the number to detach it by.
    [[nodiscard]] std::size_t attach(boost::asio::any_io_executor executor, Handler handler);
    /// From now on the handler isn't called any more. On the handler's executor.
    void detach(std::size_t attached);

    /// What a worker of this process has stored. After the commit.
    void publish(const News& news);
    /// Something is new for these users that is no event: account data, presence.
    void wake(std::vector<std::string> users);
    /// Returns when all processes have read what can be seen now, and heard what isn't to be remembered, for who removes some of
    /// it: modules there would miss it. Who is silent for two seconds isn't waited for. On a worker. Errors: DatabaseError.
    [[nodiscard]] async::task<void> all_have_read();
    /// How that is asked; before anybody does. Nothing was said: this process is alone.
    void ask_readers_by(std::function<async::task<void>()> ask) { ask_readers_ = std::move(ask); }
    /// A user's sessions have ended, which no position of the stream tells. In other processes at most once: a sync that isn't woken
    /// there ends with its timeout, and every later request of the session is refused.
    void wake_everywhere(const std::string& user_id);
    /// What another process has stored: told in this one.
    void tell(const News& news);

    /// From now on other processes hear of what is published, by `bus`, on which this process is `subscriber`; null: not any more.
    /// While nothing is published. Lifetime: the bus outlives that.
    void connect(modapi::Bus* bus, std::size_t subscriber) noexcept;

    [[nodiscard]] Audience& audience() noexcept { return audience_; }

private:
    void hint(const char* topic, std::string text);

    modapi::InProcessWorkerBus<News> bus_;
    Audience audience_;
    modapi::Bus* others_ = nullptr;
    std::size_t subscriber_ = 0;
    std::function<async::task<void>()> ask_readers_;
};

}  // namespace homeserver
