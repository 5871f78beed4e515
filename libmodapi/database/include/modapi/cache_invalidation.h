#pragma once

#include <string>
#include <vector>

namespace modapi {

class Transaction;

/// A cached function and the key that is no longer valid, as they travel between workers and processes.
struct CacheInvalidation {
    std::string function;          ///< `module name.function name`; empty: all functions drop all they have
    std::vector<std::string> key;  ///< its parts as strings

    [[nodiscard]] bool operator==(const CacheInvalidation&) const = default;
};
/// Several, in the order in which they were asked for.
using CacheInvalidations = std::vector<CacheInvalidation>;

/// Hears of what transactions invalidate (Transaction::invalidate_cache). Thread: the database's, several at once. Lifetime:
/// until it is taken from the database, which waits for a call that is under way.
class InvalidationObserver {
public:
    virtual ~InvalidationObserver() = default;
    InvalidationObserver() = default;
    InvalidationObserver(const InvalidationObserver&) = delete;
    InvalidationObserver& operator=(const InvalidationObserver&) = delete;

    /// In the transaction, just before its commit. What it throws, the transaction fails with.
    virtual void before_commit(Transaction&, const CacheInvalidations&) {}
    /// It was committed; whoever awaits it goes on after this. Must not wait for anything.
    virtual void committed(const CacheInvalidations& invalidations) noexcept = 0;
};

}  // namespace modapi
