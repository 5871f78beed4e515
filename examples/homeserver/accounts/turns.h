#pragma once

#include <async/task.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace homeserver {

/// What one task at a time may be about: registrations of one name come one after the other, a room is deleted once.
///
/// Thread: any; shared by the workers of the process.
class Turns {
    class Held;

public:
    /// Lasts as long as it is kept; null: none.
    using Turn = std::unique_ptr<Held>;

    /// A turn at `what`; none if somebody has it.
    [[nodiscard]] Turn begin(std::string what);
    /// Waits until nobody has a turn at `what`.
    [[nodiscard]] async::task<Turn> take(std::string what);

private:
    void end(const std::string& what);

    std::mutex mutex_;
    std::set<std::string> taken_;
};

class Turns::Held {
public:
    Held(Turns& turns, std::string what) : turns_(turns), what_(std::move(what)) {}
    ~Held() { turns_.end(what_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

private:
    Turns& turns_;
    std::string what_;
};

}  // namespace homeserver
