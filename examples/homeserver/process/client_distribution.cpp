#include "process/client_distribution.h"

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

namespace homeserver {

namespace {

using boost::asio::ip::tcp;
using steady_clock = std::chrono::steady_clock;

/// A thread that runs gets to what is posted to it much sooner.
constexpr auto patience = std::chrono::milliseconds(200);
constexpr auto between_looks = std::chrono::milliseconds(50);

void log_refusal(std::string_view why) { spdlog::warn("a client couldn't be let in: {}", why); }

}  // namespace

/// A client that waits for a worker. Thread: any; the first taker gets it.
class ClientDistribution::Offer {
public:
    Offer(tcp protocol, bool x_forwarded, std::size_t workers)
        : protocol_(protocol), x_forwarded_(x_forwarded), made_to_(workers, false), since_(steady_clock::now()) {}
    ~Offer() {
        if (!is_taken() && descriptor_ >= 0) ::close(descriptor_);
    }
    Offer(const Offer&) = delete;
    Offer& operator=(const Offer&) = delete;

    [[nodiscard]] bool is_taken() const noexcept { return is_taken_.load(std::memory_order_acquire); }
    void take(const Worker& worker) {
        if (is_taken_.exchange(true, std::memory_order_acq_rel)) return;
        bool is_own = true;
        try {
            tcp::socket client(worker.executor);
            client.assign(protocol_, descriptor_);
            is_own = false;
            worker.serve(std::move(client), x_forwarded_);
        } catch (const std::exception& error) {
            if (is_own) ::close(descriptor_);
            log_refusal(error.what());
        }
    }

    // By the thread that offers it.
    /// Before it is offered.
    void hold(int descriptor) noexcept { descriptor_ = descriptor; }
    [[nodiscard]] bool was_made_to(std::size_t worker) const { return made_to_[worker]; }
    void is_made_to(std::size_t worker) {
        made_to_[worker] = true;
        since_ = steady_clock::now();
    }
    [[nodiscard]] bool is_late(steady_clock::time_point now) const noexcept { return now - since_ >= patience; }

private:
    tcp protocol_;
    bool x_forwarded_;
    int descriptor_ = -1;
    std::atomic<bool> is_taken_{false};
    std::vector<bool> made_to_;
    steady_clock::time_point since_;  // the last offer
};

ClientDistribution::ClientDistribution(boost::asio::io_context& io, std::vector<Worker> workers) : next_look_(io) {
    for (Worker& worker : workers) {
        Candidate candidate;
        candidate.worker = std::make_shared<const Worker>(std::move(worker));
        candidate.answered = std::make_shared<std::atomic<std::uint64_t>>(0);
        candidates_.push_back(std::move(candidate));
    }
}

ClientDistribution::~ClientDistribution() = default;

void ClientDistribution::give(tcp::socket client, bool x_forwarded) {
    boost::system::error_code error;
    const tcp::endpoint endpoint = client.local_endpoint(error);
    if (error) return;  // it is gone already
    try {
        const auto offer = std::make_shared<Offer>(endpoint.protocol(), x_forwarded, candidates_.size());
        offer->hold(client.release());
        offer_to(next_candidate(), offer);
        untaken_.push_back(offer);
        look_later();
    } catch (const std::exception& failure) {
        log_refusal(failure.what());
    }
}

void ClientDistribution::stop() {
    next_look_.cancel();
    untaken_.clear();
}

bool ClientDistribution::is_silent(Candidate& candidate) const {
    const std::uint64_t answered = candidate.answered->load(std::memory_order_acquire);
    const steady_clock::time_point now = steady_clock::now();
    if (answered != std::exchange(candidate.answered_before, answered)) candidate.silent_since = now;
    return answered < candidate.offered && now - candidate.silent_since >= patience;
}

std::size_t ClientDistribution::next_candidate() {
    const std::size_t first = next_++ % candidates_.size();
    for (std::size_t tried = 0; tried < candidates_.size(); ++tried) {
        const std::size_t index = (first + tried) % candidates_.size();
        if (!is_silent(candidates_[index])) return index;
    }
    return first;
}

void ClientDistribution::offer_to(std::size_t index, const std::shared_ptr<Offer>& offer) {
    Candidate& candidate = candidates_[index];
    if (candidate.answered->load(std::memory_order_acquire) == candidate.offered) candidate.silent_since = steady_clock::now();
    boost::asio::post(candidate.worker->executor, [answered = candidate.answered, worker = candidate.worker, offer] {
        answered->fetch_add(1, std::memory_order_acq_rel);
        offer->take(*worker);
    });
    ++candidate.offered;
    offer->is_made_to(index);
}

void ClientDistribution::look_later() {
    if (std::exchange(looks_later_, true)) return;
    next_look_.expires_after(between_looks);
    next_look_.async_wait([this](const boost::system::error_code& error) {
        looks_later_ = false;
        if (!error) look();
    });
}

void ClientDistribution::look() {
    std::erase_if(untaken_, [](const std::shared_ptr<Offer>& offer) { return offer->is_taken(); });
    const steady_clock::time_point now = steady_clock::now();
    for (const std::shared_ptr<Offer>& offer : untaken_) {
        if (!offer->is_late(now)) continue;
        for (std::size_t index = 0; index < candidates_.size(); ++index) {
            if (offer->was_made_to(index) || is_silent(candidates_[index])) continue;
            offer_to(index, offer);
            break;
        }
    }
    if (!untaken_.empty()) look_later();
}

}  // namespace homeserver
