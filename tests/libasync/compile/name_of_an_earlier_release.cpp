// expect-warning: it is named invalidate_strings
#include <async/cached.h>

#include <vector>

class StoppedClock final : public async::clock {
public:
    time_point now() const noexcept override { return {}; }
    std::chrono::system_clock::time_point wall_time() const noexcept override { return {}; }
    std::unique_ptr<async::timer> call_at(time_point, const boost::asio::any_io_executor&, void (*)(void*), void*) override {
        return nullptr;
    }
    void work_began_elsewhere() noexcept override {}
    void work_ended_elsewhere() noexcept override {}
};

async::clock& stopped() {
    static StoppedClock clock;
    return clock;
}
bool forget(async::cached<int(int)>& pages) {
    const std::vector<std::string> key = pages.key_text(3);
    return pages.invalidate_text(key) || pages.invalidate_prefix_text(key);
}
