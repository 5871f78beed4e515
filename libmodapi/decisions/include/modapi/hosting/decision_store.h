#pragma once

#include <modapi/database.h>
#include <modapi/hosting/decision.h>

#include <async/task.h>

#include <cstdint>
#include <string>
#include <vector>

namespace modapi {

/// Where decisions are kept for longer than a process lives. A host may have one of its own.
///
/// Thread: the main worker's, find() any worker's. Lifetime: outlives the workers. Errors of all functions: std::exception, which is
/// logged; what couldn't be written is written later, as long as it is in memory.
class DecisionStore {
public:
    virtual ~DecisionStore() = default;
    /// Before the first of the others; blocks.
    virtual void open() = 0;
    /// Writes them. One whose id is known already takes that one's place.
    [[nodiscard]] virtual async::task<void> write(std::vector<Decision> decisions) = 0;
    /// The newest `limit` of those that pass `filter` and stand behind `from`, from the newest on.
    [[nodiscard]] virtual async::task<DecisionPage> find(DecisionFilter filter, std::optional<DecisionPlace> from,
                                                         std::size_t limit) = 0;
    /// Forgets some of those that are older, at most as many as don't hold up anybody; how many.
    [[nodiscard]] virtual async::task<std::int64_t> forget_before(std::int64_t time_ms) = 0;
};

/// Decisions in a table of a database, module_decisions. Lifetime: the database outlives it.
class DecisionRows final : public DecisionStore {
public:
    explicit DecisionRows(Database& database) : database_(database) {}

    void open() override;
    [[nodiscard]] async::task<void> write(std::vector<Decision> decisions) override;
    [[nodiscard]] async::task<DecisionPage> find(DecisionFilter filter, std::optional<DecisionPlace> from,
                                                 std::size_t limit) override;
    [[nodiscard]] async::task<std::int64_t> forget_before(std::int64_t time_ms) override;

private:
    Database& database_;
};

}  // namespace modapi
