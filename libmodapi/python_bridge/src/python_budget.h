#pragma once

#include <async/notification.h>
#include <async/task.h>

#include <algorithm>
#include <cstddef>
#include <deque>

namespace modapi {

/// What one process may have its host do at once. An operation is admitted when it arrives, waits for a place in the order of
/// arrival, and has it until it is answered.
///
/// The host goes on to hear what the process says while operations wait: an operation may need an answer of the process that
/// stands behind them. So it is their number that has an end, beyond which one is refused.
///
/// Thread: the worker's. Lifetime: outlives what it has admitted.
class PythonBudget {
public:
    /// Operations under way.
    static constexpr std::size_t most_at_once = 32;
    /// Of those, and those that wait: their number, and the bytes of their messages. The process's own side asks for at most
    /// half as many (modapi_bridge/host.py).
    static constexpr std::size_t most_admitted = 1000;
    static constexpr std::size_t most_bytes = 64UL * 1024 * 1024;
    /// Bytes of answers that the process hasn't read; no further operation begins until there are fewer.
    static constexpr std::size_t most_unsent = 8UL * 1024 * 1024;

    /// Whether one more operation, whose message has so many bytes, is admitted.
    [[nodiscard]] bool admits(std::size_t bytes) const noexcept {
        return admitted_ < most_admitted && (admitted_ == 0 || bytes_ + bytes <= most_bytes);
    }
    /// One operation, from its arrival to its answer.
    class Admission {
    public:
        Admission(PythonBudget& budget, std::size_t bytes) noexcept : budget_(budget), bytes_(bytes) {
            ++budget_.admitted_;
            budget_.bytes_ += bytes_;
        }
        ~Admission() {
            --budget_.admitted_;
            budget_.bytes_ -= bytes_;
        }
        Admission(const Admission&) = delete;
        Admission& operator=(const Admission&) = delete;

    private:
        PythonBudget& budget_;
        std::size_t bytes_;
    };

    /// Something of which there is a number: who comes when all are taken waits for the first that is given back.
    class Places {
    public:
        explicit Places(std::size_t count) noexcept : free_(count) {}
        /// Takes one. Cancel: throws, and none is taken.
        [[nodiscard]] static async::task<void> take(Places& self);
        void give_back() noexcept;

    private:
        struct Waiting {
            async::notification turn;
            bool has_it = false;
        };
        std::size_t free_;
        std::deque<Waiting*> waiting_;
    };
    /// Gives a place back.
    class Place {
    public:
        explicit Place(Places& of) noexcept : of_(of) {}
        ~Place() { of_.give_back(); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

    private:
        Places& of_;
    };

    [[nodiscard]] Places& places() noexcept { return places_; }
    /// For who writes an answer that may be very long: one at a time.
    [[nodiscard]] Places& long_answers() noexcept { return long_answers_; }

private:
    std::size_t admitted_ = 0;
    std::size_t bytes_ = 0;
    Places places_{most_at_once};
    Places long_answers_{1};
};

}  // namespace modapi
