#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace homeserver {

/// Gives each client to a worker, in turns, but not to one whose thread something blocks: a client is its who takes it first.
/// One that nobody takes at once is offered to another worker, and a worker that takes nothing is passed over until it does.
///
/// A client that somebody fails to take, or to give, is closed, and a line of the log says why.
///
/// Thread: that of its io_context, which accepts clients. Lifetime: the workers outlive it; it ends before their executors.
class ClientDistribution {
public:
    /// Who may take a client.
    struct Worker {
        boost::asio::any_io_executor executor;  ///< of its thread
        /// Called there, with what was said of the client to `give`.
        std::function<void(boost::asio::ip::tcp::socket client, bool x_forwarded)> serve;
    };
    ClientDistribution(boost::asio::io_context& io, std::vector<Worker> workers);
    ~ClientDistribution();
    ClientDistribution(const ClientDistribution&) = delete;
    ClientDistribution& operator=(const ClientDistribution&) = delete;

    /// A client that was let in; `x_forwarded`: by a listener where proxies come. Cost: two posts; no timer of its own.
    void give(boost::asio::ip::tcp::socket client, bool x_forwarded);
    /// Those that nobody took are let go.
    void stop();

private:
    class Offer;
    struct Candidate {
        std::shared_ptr<const Worker> worker;
        std::shared_ptr<std::atomic<std::uint64_t>> answered;  // of the offers made to it; also counts what others took before
        std::uint64_t offered = 0;
        std::uint64_t answered_before = 0;  // when it was looked at last
        std::chrono::steady_clock::time_point silent_since{};
    };

    [[nodiscard]] bool is_silent(Candidate& candidate) const;
    [[nodiscard]] std::size_t next_candidate();
    void offer_to(std::size_t index, const std::shared_ptr<Offer>& offer);
    void look_later();
    void look();

    std::vector<Candidate> candidates_;
    std::size_t next_ = 0;
    std::deque<std::shared_ptr<Offer>> untaken_;
    boost::asio::steady_timer next_look_;
    bool looks_later_ = false;
};

}  // namespace homeserver
