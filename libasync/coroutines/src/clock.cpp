#include <async/clock.h>

#include <async/frame_allocator.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/steady_timer.hpp>

#include <ctime>

namespace async {

namespace {

/// A steady_timer whose completion may already be queued when it is cancelled; the shared flag tells that handler.
class asio_timer final : public timer {
public:
    asio_timer(clock::time_point when, const boost::asio::any_io_executor& executor, void (*fire)(void*), void* argument)
        : timer_(executor, when), armed_(std::allocate_shared<bool>(detail::recycling_allocator<bool>(), true)) {
        timer_.async_wait(boost::asio::bind_allocator(detail::recycling_allocator<void>(),
                                                      [armed = armed_, fire, argument](const boost::system::error_code& error) {
                                                          if (error || !*armed) return;
                                                          *armed = false;
                                                          fire(argument);
                                                      }));
    }
    ~asio_timer() override { *armed_ = false; }

private:
    boost::asio::steady_timer timer_;
    std::shared_ptr<bool> armed_;
};

class steady_clock_source final : public clock {
public:
    time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
    time_point coarse_now() const noexcept override {
        timespec read{};
        clock_gettime(CLOCK_MONOTONIC_COARSE, &read);
        return time_point(std::chrono::seconds(read.tv_sec) + std::chrono::nanoseconds(read.tv_nsec));
    }
    duration coarse_resolution() const noexcept override {
        static const duration known = [] {
            timespec tick{};
            clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
            return std::chrono::seconds(tick.tv_sec) + std::chrono::nanoseconds(tick.tv_nsec);
        }();
        return known;
    }
    std::chrono::system_clock::time_point wall_time() const noexcept override { return std::chrono::system_clock::now(); }
    std::unique_ptr<timer> call_at(time_point when, const boost::asio::any_io_executor& executor, void (*fire)(void*),
                                   void* argument) override {
        return std::make_unique<asio_timer>(when, executor, fire, argument);
    }
};

}  // namespace

// A clock that was written for the old names still hears of it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void clock::offload_began() noexcept { work_began_elsewhere(); }
void clock::offload_ended() noexcept { work_ended_elsewhere(); }
#pragma GCC diagnostic pop

clock& real_clock() noexcept {
    static steady_clock_source source;
    return source;
}

}  // namespace async
