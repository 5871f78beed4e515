#pragma once

#include <cstdint>
#include <stdexcept>

namespace async {

/// Why a running operation is asked to end. A later, greater reason replaces an earlier one.
enum class cancel_reason : std::uint8_t {
    none,
    caller_gone,  ///< whoever asked for the operation left. A callback that already runs is let finish (async/dispatch.h)
    deadline,     ///< its time is over: an exception, deadline_exceeded, under the callback's own error rule
    stopping,     ///< the host shuts down
};

/// Thrown from an await when the operation is cancelled (`caller_gone`, `stopping`).
///
/// Deliberately no std::exception: code that handles "any error" with `catch (const std::exception&)` must not swallow a
/// cancellation. After `catch (...)` the next await throws it again.
class operation_cancelled {
public:
    explicit operation_cancelled(cancel_reason why) noexcept : reason_(why) {}
    [[nodiscard]] cancel_reason reason() const noexcept { return reason_; }

private:
    cancel_reason reason_;
};

/// Thrown from an await when a deadline set with `with_deadline` expired. An ordinary error.
class deadline_exceeded : public std::runtime_error {
public:
    deadline_exceeded() : std::runtime_error("deadline exceeded") {}
};

/// Throws what `reason` stands for. `reason` isn't `none`.
[[noreturn]] void throw_cancelled(cancel_reason reason);

class cancellation_source;

/// What a suspended operation registers to hear of a cancellation. Intrusive: no allocation.
///
/// Lifetime: unregisters itself when destroyed. Thread: that of its source.
class cancellation_registration {
public:
    using function = void (*)(cancellation_registration&, cancel_reason);

    explicit cancellation_registration(function on_cancel) noexcept : on_cancel_(on_cancel) {}
    ~cancellation_registration() { unregister(); }
    cancellation_registration(const cancellation_registration&) = delete;
    cancellation_registration& operator=(const cancellation_registration&) = delete;

    void unregister() noexcept {
        if (source_ != nullptr) leave_source();
    }

private:
    friend class cancellation_source;

    void leave_source() noexcept;

    function on_cancel_;
    cancellation_source* source_ = nullptr;
    cancellation_registration* previous_ = nullptr;
    cancellation_registration* next_ = nullptr;
    cancel_reason min_reason_ = cancel_reason::caller_gone;  // lesser reasons aren't for this one
};

/// A registration that calls a member function of the object it is a member of:
///
///     void cancel(cancel_reason reason);
///     cancellation_callback<operation, &operation::cancel> registration_{*this};
template <class Owner, void (Owner::*Method)(cancel_reason)>
class cancellation_callback final : public cancellation_registration {
public:
    explicit cancellation_callback(Owner& owner) noexcept
        : cancellation_registration([](cancellation_registration& self, cancel_reason reason) {
              (static_cast<cancellation_callback&>(self).owner_.*Method)(reason);
          }),
          owner_(owner) {}

private:
    Owner& owner_;
};

/// Where a cancellation starts. Not a thread-safe object: `request` and every registration happen on the executor of the
/// task chain it belongs to; from another thread, post there first.
class cancellation_source {
public:
    cancellation_source() noexcept : parent_(*this) {}
    /// A source that also ends when `parent` does. With `shielded`, the parent's `caller_gone` isn't passed on.
    explicit cancellation_source(cancellation_source* parent, bool shielded = false)
        : cancellation_source(parent, min_reason_for(shielded)) {}
    /// A source that also ends when `parent` does for the reason `min_reason` or a greater one.
    cancellation_source(cancellation_source* parent, cancel_reason min_reason);
    ~cancellation_source() {
        if (first_ != nullptr) [[unlikely]]
            forget_all();
    }
    cancellation_source(const cancellation_source&) = delete;
    cancellation_source& operator=(const cancellation_source&) = delete;

    /// Asks everything registered to end. Returns after all were told; they finish on their executor.
    void request(cancel_reason reason);
    /// A reference, for who asks often: it tells what is requested as long as the source lives.
    [[nodiscard]] const cancel_reason& requested() const noexcept { return requested_; }

    /// From now on it also ends when `parent` does for the reason `min_reason` or a greater one, at once if that was requested
    /// before. For a source that is made for many short things, of which few last until somebody could end them.
    void end_with(cancellation_source& parent, cancel_reason min_reason);
    /// From now on it doesn't end with a parent, and `requested` is what was requested of it.
    void start_over(cancel_reason requested) noexcept {
        parent_.unregister();
        requested_ = requested;
    }

    /// From here on `registration` hears of every request, or, if it is shielded, of those that aren't `caller_gone`. What was
    /// requested before isn't repeated: ask `requested`.
    void add(cancellation_registration& registration, bool shielded) noexcept { add(registration, min_reason_for(shielded)); }
    /// From here on `registration` hears of requests with the reason `min_reason` or a greater one.
    void add(cancellation_registration& registration, cancel_reason min_reason) noexcept;

private:
    friend class cancellation_registration;

    static constexpr cancel_reason min_reason_for(bool shielded) noexcept {
        return shielded ? cancel_reason::deadline : cancel_reason::caller_gone;
    }

    void forget_all() noexcept;

    cancellation_registration* first_ = nullptr;
    cancellation_registration* walking_ = nullptr;  // the next one `request` will visit
    cancel_reason requested_ = cancel_reason::none;
    cancellation_callback<cancellation_source, &cancellation_source::request> parent_;  // what the parent tells
};

}  // namespace async
