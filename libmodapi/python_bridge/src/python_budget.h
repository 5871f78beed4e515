#pragma once

#include <async/notification.h>
#include <async/task.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

namespace modapi {

/// What one process may have its host do at once. An operation is admitted when it arrives, waits for a place in the order of
/// arrival, and has it until it is answered.
///
/// Nobody waits for himself: the host goes on to hear what the process says while operations wait, since one may need an answer
/// of the process that stands behind them, so that it is their number that has an end, beyond which one is refused. And what a
/// callback asks for that runs because of an operation has other places than that operation, those of its depth.
///
/// Thread: the worker's. Lifetime: outlives what it has admitted.
class PythonBudget {
public:
    /// Operations under way that lie within as many others.
    static constexpr std::size_t most_at_once = 32;
    /// Likewise of those that only wait for other servers: none of the others waits for these.
    static constexpr std::size_t most_waiting_for_others = 100;
    /// Likewise of those that give the state of a room, which may have many thousand events.
    static constexpr std::size_t most_with_many_events = 2;
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

    /// Of operations that lie within so many others.
    [[nodiscard]] Places& places(std::uint32_t depth) { return places_.try_emplace(depth, most_at_once).first->second; }
    /// Of operations that only wait for other servers.
    [[nodiscard]] Places& places_for_others() noexcept { return places_for_others_; }
    /// Of operations that give many events.
    [[nodiscard]] Places& places_for_many_events() noexcept { return places_for_many_events_; }

private:
    std::size_t admitted_ = 0;
    std::size_t bytes_ = 0;
    std::map<std::uint32_t, Places> places_;
    Places places_for_others_{most_waiting_for_others};
    Places places_for_many_events_{most_with_many_events};
};

}  // namespace modapi
