#pragma once

#include <modapi/hosting/cause.h>

#include <callbacks/event.h>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace modapi {

/// An event that was stored, on its way to on_new_event of the modules of all workers. All workers share it: one after the other
/// begins to tell its modules, the next one when they returned or suspended on the one before. So a module that blocks its
/// thread for an event blocks one worker.
///
/// Thread: any.
class NewEvent {
public:
    /// `state`: of the event's room, with the event; null: nobody asked for it. `cause`: what led to it.
    NewEvent(callbacks::Event event, std::shared_ptr<const callbacks::StateMap> state, Cause cause);
    NewEvent(const NewEvent&) = delete;
    NewEvent& operator=(const NewEvent&) = delete;

    [[nodiscard]] const callbacks::Event& event() const noexcept { return event_; }
    [[nodiscard]] const callbacks::StateMap& state() const noexcept;
    /// What led to it.
    [[nodiscard]] const Cause& cause() const noexcept { return cause_; }

    /// True: the caller's modules are told now, until end(). False: those of another worker are; then `again` is called on
    /// `executor`.
    [[nodiscard]] bool begin(boost::asio::any_io_executor executor, std::function<void()> again);
    void end();

private:
    struct Waiting {
        boost::asio::any_io_executor executor;
        std::function<void()> again;
    };

    callbacks::Event event_;
    std::shared_ptr<const callbacks::StateMap> state_;
    Cause cause_;
    std::mutex mutex_;
    bool is_taken_ = false;
    std::vector<Waiting> waiting_;
};

}  // namespace modapi
