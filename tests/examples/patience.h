#pragma once

#include <chrono>
#include <thread>

namespace homeserver_test {

/// How long a test looks again for what a server does behind its answers. Counted in time and not in tries, of which a fast
/// server on a busy machine answers thousands before it comes to what is waited for.
class Patience {
public:
    [[nodiscard]] bool is_left() const {
        std::this_thread::yield();
        return std::chrono::steady_clock::now() < until_;
    }

private:
    std::chrono::steady_clock::time_point until_ = std::chrono::steady_clock::now() + std::chrono::seconds(20);
};

}  // namespace homeserver_test
