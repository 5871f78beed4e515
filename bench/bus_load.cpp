// Publishes on one bus what others on the same server hear, at a given rate, and prints as JSON how long that takes.
//
// usage: bus_load (postgresql CONNECTION | redis SOCKET) MESSAGES_PER_SECOND SECONDS LISTENERS
// A rate of 0: as fast as they are heard, with at most 1,000 under way. Each listener is a bus with threads of its own, as in a
// process of its own.

#include <modapi/hosting/postgresql_bus.h>
#include <modapi/hosting/redis_bus.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t most_under_way = 1000;

struct Load {
    std::string engine;
    std::string server;
    std::uint64_t rate;
    std::chrono::seconds length;
    std::size_t listeners;
};

std::unique_ptr<modapi::Bus> open_bus(const Load& load) {
    if (load.engine == "postgresql") return std::make_unique<modapi::PostgresqlBus>(load.server);
    if (load.engine != "redis") throw std::invalid_argument("there is no bus over " + load.engine);
    modapi::RedisSettings settings;
    settings.host = load.server;
    return std::make_unique<modapi::RedisBus>(settings, "bench.test");
}

std::int64_t nanoseconds(Clock::time_point time) { return time.time_since_epoch().count(); }

/// A bus that hears, with a worker's thread.
class Listener {
public:
    explicit Listener(const Load& load) : bus_(open_bus(load)) {
        modapi::Bus::Handlers handlers;
        handlers.message = [this](const modapi::BusMessage& message) {
            latencies_.push_back(nanoseconds(Clock::now()) - std::stoll(message.text));
            heard.fetch_add(1, std::memory_order_release);
        };
        handlers.gap = [this] { gaps.fetch_add(1); };
        static_cast<void>(bus_->subscribe(io_.get_executor(), std::move(handlers)));
        thread_ = std::thread([this] { io_.run(); });
    }
    ~Listener() { stop(); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    void stop() {
        io_.stop();
        if (thread_.joinable()) thread_.join();
    }
    /// After stop.
    [[nodiscard]] const std::vector<std::int64_t>& latencies() const { return latencies_; }

    std::atomic<std::uint64_t> heard = 0;
    std::atomic<int> gaps = 0;

private:
    std::unique_ptr<modapi::Bus> bus_;
    std::vector<std::int64_t> latencies_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_{io_.get_executor()};
    std::thread thread_;
};

using Listeners = std::vector<std::unique_ptr<Listener>>;

std::uint64_t least_heard(const Listeners& listeners) {
    const auto has_less = [](const auto& one, const auto& other) { return one->heard.load() < other->heard.load(); };
    return (*std::min_element(listeners.begin(), listeners.end(), has_less))->heard.load(std::memory_order_acquire);
}

bool was_lost(const Listeners& listeners) {
    return std::any_of(listeners.begin(), listeners.end(), [](const auto& listener) { return listener->gaps.load() > 0; });
}

std::uint64_t publish_all(const Load& load, modapi::Bus& bus, const Listeners& listeners) {
    const Clock::time_point begin = Clock::now();
    std::uint64_t sent = 0;
    while (Clock::now() - begin < load.length && !was_lost(listeners)) {
        if (load.rate > 0) {
            std::this_thread::sleep_until(begin + sent * std::chrono::nanoseconds(1'000'000'000) / load.rate);
        } else if (sent - least_heard(listeners) >= most_under_way) {
            std::this_thread::yield();
            continue;
        }
        bus.publish(0, {"stream", std::to_string(nanoseconds(Clock::now()))});
        ++sent;
    }
    return sent;
}

double processor_seconds() {
    rusage used = {};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void measure(const Load& load) {
    const std::unique_ptr<modapi::Bus> bus = open_bus(load);
    Listeners listeners;
    for (std::size_t number = 0; number < load.listeners; ++number) listeners.push_back(std::make_unique<Listener>(load));
    const double before = processor_seconds();
    const Clock::time_point begin = Clock::now();
    const std::uint64_t sent = publish_all(load, *bus, listeners);
    while (least_heard(listeners) < sent && !was_lost(listeners)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    if (was_lost(listeners)) throw std::runtime_error("messages were lost");
    const double processor = processor_seconds() - before;

    std::vector<std::int64_t> latencies;
    for (const auto& listener : listeners) {
        listener->stop();
        latencies.insert(latencies.end(), listener->latencies().begin(), listener->latencies().end());
    }
    std::sort(latencies.begin(), latencies.end());
    const auto milliseconds_at = [&](double part) {
        return static_cast<double>(latencies[static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1))]) / 1e6;
    };
    std::cout << "{\"messages_per_second\": " << static_cast<double>(sent) / took << ", \"p50_ms\": " << milliseconds_at(0.5)
              << ", \"p99_ms\": " << milliseconds_at(0.99) << ", \"max_ms\": " << milliseconds_at(1)
              << ", \"processor_us\": " << processor * 1e6 / static_cast<double>(sent) << "}\n";
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 6) {
        std::cerr << "usage: bus_load (postgresql CONNECTION | redis SOCKET) MESSAGES_PER_SECOND SECONDS LISTENERS\n";
        return 2;
    }
    try {
        Load load = {arguments[1], arguments[2], std::stoull(arguments[3]), std::chrono::seconds(std::stoi(arguments[4])),
                     std::stoul(arguments[5])};
        measure(load);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
