#pragma once

#include <async/task.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace homeserver {

/// Registrations of one name, or in one session, come one after the other: who is second sees what became of the first, and no
/// module is asked about a name that somebody else is just getting. Thread: any; shared by the workers of the process.
class RegistrationTurns {
    class Held;

public:
    /// Lasts as long as it is kept.
    using Turn = std::unique_ptr<Held>;

    /// Waits until nobody has a turn at `what`.
    [[nodiscard]] async::task<Turn> take(std::string what);

private:
    /// False: somebody has it.
    [[nodiscard]] bool begin(const std::string& what);
    void end(const std::string& what);

    std::mutex mutex_;
    std::set<std::string> taken_;
};

class RegistrationTurns::Held {
public:
    Held(RegistrationTurns& turns, std::string what) : turns_(turns), what_(std::move(what)) {}
    ~Held() { turns_.end(what_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

private:
    RegistrationTurns& turns_;
    std::string what_;
};

}  // namespace homeserver
