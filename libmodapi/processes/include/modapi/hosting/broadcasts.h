#pragma once

#include <modapi/hosting/shared_messages.h>
#include <modapi/hosting/worker_bus.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <cstddef>
#include <memory>
#include <string>

namespace modapi {

/// What an instance of a module tells all instances of it.
struct Broadcast {
    std::string module;  ///< the entry of the configuration, by the name that workers call it among themselves
    std::string topic;
    std::shared_ptr<const callbacks::JsonDict> content;
};

/// Carries broadcasts to the workers of all processes, the sender's too: at most once, those of one sender in their order. In memory where
/// the process is alone.
///
/// Thread: any, but for `connect`. Lifetime: outlives the workers; the messages outlive it, or have ended.
class Broadcasts {
public:
    /// Of a broadcast, as JSON.
    static constexpr std::size_t most_bytes = 64 * 1024;
    using Handler = WorkerBus<Broadcast>::Handler;

    /// Other processes hear of them, too. Before the messages begin.
    void connect(SharedMessages& messages);
    /// Calls `handler` on this executor with every message from now on. Gives what ends it.
    [[nodiscard]] std::size_t subscribe(const boost::asio::any_io_executor& executor, Handler handler);
    /// After this returns on the subscriber's own executor, its handler isn't called any more.
    void unsubscribe(std::size_t subscriber);
    /// Returns when all processes can read it. Errors: SynapseError 413 `M_TOO_LARGE` for more than 64 KiB; those of
    /// SharedMessages::send, and then nobody was told.
    [[nodiscard]] static async::task<void> send(Broadcasts& self, Broadcast broadcast);

private:
    void tell_workers(const std::string& text);

    InProcessWorkerBus<Broadcast> workers_;
    SharedMessages* messages_ = nullptr;
};

}  // namespace modapi
