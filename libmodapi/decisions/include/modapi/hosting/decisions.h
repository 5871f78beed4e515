#pragma once

#include <modapi/hosting/decision.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace modapi {

/// A decision that is about to be noted. What it refers to is copied; texts that are longer than a list shows are cut.
struct NewDecision {
    std::int64_t time_ms = 0;
    std::string_view worker;
    std::string_view request_id{};
    std::string_view module;
    std::string_view callback;
    DecisionOutcome outcome = DecisionOutcome::denied;
    std::string_view errcode{};
    std::string_view text{};
    std::string_view user_id{};
    std::string_view room_id{};
    std::string_view event_id{};
    std::string_view address{};
    double duration_ms = 0;
};

/// The last decisions of a process's modules, on all its workers.
///
/// Thread: any. Cost of noting one: a lock and a copy into memory that is there already.
class Decisions {
public:
    /// Keeps the last `in_memory`; at least one. `process` names this one among those that share a database.
    Decisions(std::size_t in_memory, std::string process);
    Decisions(const Decisions&) = delete;
    Decisions& operator=(const Decisions&) = delete;

    /// Notes one; its id.
    std::string note(const NewDecision& decision);
    /// The client got this error for it: of a denial that is what it says from then on, of a failure as far as it says nothing yet.
    /// Nothing if it isn't in memory any more.
    void complete(std::string_view id, std::string_view errcode, std::string_view text);

    /// The newest `limit` of those that are in memory, pass `filter` and stand behind `from`; null: from the newest on.
    [[nodiscard]] DecisionPage find(const DecisionFilter& filter, const DecisionPlace* from, std::size_t limit) const;
    /// How many were noted so far, by module, callback, worker and outcome.
    struct Count {
        std::string module;
        std::string callback;
        std::string worker;
        DecisionOutcome outcome;
        std::uint64_t decisions;
    };
    [[nodiscard]] std::vector<Count> counts() const;

    /// The oldest ones, up to `most`, that nobody took so far, and those that were completed since. They count as taken.
    [[nodiscard]] std::vector<Decision> take(std::size_t most);
    /// These couldn't be written: they are taken again next, as long as they are in memory.
    void give_back(const std::vector<Decision>& decisions);
    /// Those that nobody has taken, or that were given back.
    [[nodiscard]] std::size_t waiting() const;
    /// Decisions that nobody took before they left the memory, since take() was called first.
    [[nodiscard]] std::uint64_t lost() const;

private:
    static constexpr std::uint64_t nobody_takes = ~std::uint64_t(0);

    [[nodiscard]] std::uint64_t oldest() const noexcept { return next_ > slots_.size() ? next_ - slots_.size() : 0; }
    [[nodiscard]] const Decision& at(std::uint64_t number) const noexcept { return slots_[number % capacity_]; }
    /// None: it isn't in memory.
    [[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view id) const noexcept;
    void write_id(std::string& into, std::uint64_t number) const;
    void count(const NewDecision& decision);

    const std::size_t capacity_;
    const std::string process_;
    const std::uint64_t first_id_;  ///< of this process; of one that starts later it is greater
    const std::string suffix_;      ///< of its ids, which no other process has
    mutable std::mutex mutex_;
    std::vector<Decision> slots_;
    std::uint64_t next_ = 0;      ///< how many were noted
    std::uint64_t next_to_take_ = nobody_takes;
    std::vector<std::uint64_t> completed_;   // since they were taken
    std::vector<std::uint64_t> given_back_;
    std::uint64_t lost_ = 0;
    std::int64_t last_time_ms_ = 0;
    using Counts = std::map<std::tuple<std::string, std::string, std::string, DecisionOutcome>, std::uint64_t, std::less<>>;
    Counts counts_;
    Counts::iterator last_counted_ = counts_.end();
};

}  // namespace modapi
