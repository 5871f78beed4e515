#pragma once

#include <async/cancellation.h>
#include <async/clock.h>
#include <async/notification.h>
#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace async {

struct callback_identity;
struct context;
struct dispatch_settings;

/// A run of a callback that has suspended and not ended: in a list of its worker's as long as it waits, and in one that asks
/// several callbacks one after the other to the end of that.
///
/// Lifetime: leaves the list when it is destroyed. Thread: the worker's.
class waiting_run {
public:
    waiting_run(const waiting_run&) = delete;
    waiting_run& operator=(const waiting_run&) = delete;

    [[nodiscard]] const callback_identity& callback() const noexcept { return *callback_; }
    [[nodiscard]] clock::time_point since() const noexcept { return since_; }

protected:
    waiting_run() noexcept = default;
    ~waiting_run() = default;

    /// It doesn't wait now, and stays in the list.
    void pause() noexcept { since_ = clock::time_point::max(); }
    /// It waits again, for a callback that began at `since`; cut after `deadline`, 0: never.
    void wait_again(const callback_identity& callback, clock::time_point since, clock::duration deadline) noexcept {
        callback_ = &callback;
        deadline_ = deadline;
        since_ = named_ = since;
    }

private:
    friend class waiting_runs;

    [[nodiscard]] bool waits() const noexcept { return since_ != clock::time_point::max(); }

    const callback_identity* callback_;
    cancellation_source* ends_by_;
    clock::time_point since_;
    clock::time_point named_;
    clock::duration deadline_;
    waiting_run* previous_;
    waiting_run* next_;
    std::uint32_t generation_;
};

/// The runs of a worker's callbacks that wait: who asks sees them, those that wait for long are named while they do, those
/// whose time is over are cut. One look a second at all of them, and none where none waits; no timer for each.
///
///     async::waiting_runs waiting(settings);
///     settings.waiting = &waiting;              // before the first registration
///
/// Thread: the worker's. Lifetime: outlives the chains that callbacks run in; `settings` outlive it. Cost: a run that doesn't
/// suspend pays nothing, one that does a few stores.
class waiting_runs {
public:
    /// Without `looks` it only lists: nobody is named, nothing is cut, and no timer keeps a test's time going.
    explicit waiting_runs(const dispatch_settings& settings, bool looks = true) noexcept : settings_(settings), looks_(looks) {}
    waiting_runs(const waiting_runs&) = delete;
    waiting_runs& operator=(const waiting_runs&) = delete;

    /// From now on `run` waits, which began at `since`; it is cut by `ends_by` after `deadline`, 0: never, and then that may be
    /// null.
    void add(waiting_run& run, const callback_identity& callback, const context& here, clock::time_point since,
             cancellation_source* ends_by, clock::duration deadline) {
        run.callback_ = &callback;
        run.ends_by_ = ends_by;
        run.since_ = run.named_ = since;
        run.deadline_ = deadline;
        run.generation_ = generation_;
        run.previous_ = nullptr;
        run.next_ = first_;
        if (first_ != nullptr) first_->previous_ = &run;
        first_ = &run;
        if (next_look_ == nullptr) [[unlikely]]
            look_later(here);
    }
    /// It waits no more; one of the list.
    void remove(waiting_run& run) noexcept {
        if (looked_at_next_ == &run) looked_at_next_ = run.next_;
        if (run.previous_ != nullptr) {
            run.previous_->next_ = run.next_;
        } else {
            first_ = run.next_;
        }
        if (run.next_ != nullptr) run.next_->previous_ = run.previous_;
        if (run.generation_ != generation_) [[unlikely]]
            one_has_left_.notify_all();
    }
    /// What begins from now on is of another generation than what began before, whose number this is.
    [[nodiscard]] std::uint32_t begin_generation() noexcept { return generation_++; }
    /// Whether everything has ended that began in that generation or before: whatever it was handed then, nothing uses it now. What has
    /// begun and never suspended has ended long since.
    [[nodiscard]] bool has_ended(std::uint32_t generation) const noexcept;
    /// Waits for it. Cut by the caller's cancellation.
    [[nodiscard]] static task<void> ended(waiting_runs& self, std::uint32_t generation);
    /// Looks at nothing any more: the clock and the executor may end.
    void stop() noexcept { next_look_.reset(); }

    /// Calls `visit(const waiting_run&)` for each.
    template <class Visitor>
    void each(Visitor&& visit) const {
        for (const waiting_run* run = first_; run != nullptr; run = run->next_) {
            if (run->waits()) visit(*run);
        }
    }

private:
    struct late_callback {
        const callback_identity* callback;
        clock::time_point longest_since;
        std::size_t runs;
        bool is_due;  ///< one of them wasn't named for a whole period
    };

    void look_later(const context& here);
    void look_later();
    void look();
    void cut_expired(clock::time_point now);
    void name_late(clock::time_point now);

    const dispatch_settings& settings_;
    bool looks_;
    waiting_run* first_ = nullptr;
    waiting_run* looked_at_next_ = nullptr;  // while the list is walked and runs may leave it
    std::uint32_t generation_ = 0;
    notification one_has_left_;  // of an earlier generation
    std::unique_ptr<timer> next_look_;
    clock* clock_ = nullptr;
    boost::asio::any_io_executor executor_;
};

/// A run of something that no dispatcher runs, listed as long as this lives:
///
///     async::listed_run listed(settings.waiting, identity, frame.here(), began);
///
/// It is named when it takes long, and never cut. Null: nobody looks after it.
class listed_run final : private waiting_run {
public:
    listed_run(waiting_runs* list, const callback_identity& callback, const context& here, clock::time_point since)
        : list_(list) {
        if (list != nullptr) list->add(*this, callback, here, since, nullptr, clock::duration(0));
    }
    ~listed_run() {
        if (list_ != nullptr) list_->remove(*this);
    }

private:
    waiting_runs* list_;
};

}  // namespace async
