#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace modapi {

/// What workers were at when something went wrong.
enum class HostPhase : unsigned char {
    building,  ///< the host's part of a worker, or a module's constructor
    starting,  ///< a module's start(), or the host's begin()
    serving,   ///< an operation, or anything else that runs on a worker's thread
    stopping,
};

/// What ended a host's work. what() is the one line that an operator is to see:
/// `homeserver.yaml:5: modules[1]: start() failed: no luck (module my.Module on worker worker1)` or
/// `worker main: check_event_for_spam of module my.Module failed: no luck`.
///
/// Copies share what they say; copying doesn't throw.
class HostError : public std::runtime_error {
public:
    /// What it is about; what isn't known is empty.
    struct Place {
        HostPhase phase = HostPhase::serving;
        std::string worker;
        std::string module;
        std::string callback;
    };

    HostError(const std::string& line, Place place, std::exception_ptr cause);

    [[nodiscard]] HostPhase phase() const noexcept { return place_->phase; }
    [[nodiscard]] const std::string& worker() const noexcept { return place_->worker; }
    [[nodiscard]] const std::string& module() const noexcept { return place_->module; }
    [[nodiscard]] const std::string& callback() const noexcept { return place_->callback; }
    /// The exception itself.
    [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

private:
    std::shared_ptr<const Place> place_;
    std::exception_ptr cause_;
};

}  // namespace modapi
