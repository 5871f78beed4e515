#pragma once

#include <async/clock.h>

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace async {

/// How much a cached function keeps, and for how long.
///
///     async::cache_options().max_entries(50).expire_after(std::chrono::minutes(5))
class cache_options {
public:
    /// Entries beyond this number are dropped, the least recently used first. 0 keeps nothing. Default: 1000.
    constexpr cache_options& max_entries(std::size_t entries) noexcept {
        max_entries_ = entries;
        return *this;
    }
    /// Entries that were not used for this long are dropped; zero: never. Default: 30 minutes.
    constexpr cache_options& expire_after(clock::duration unused) noexcept {
        expire_after_ = unused;
        says_expiry_ = true;
        return *this;
    }
    [[nodiscard]] constexpr std::size_t max_entries() const noexcept { return max_entries_; }
    [[nodiscard]] constexpr clock::duration expire_after() const noexcept { return expire_after_; }
    /// Whether expire_after was called, even with the default.
    [[nodiscard]] constexpr bool says_expiry() const noexcept { return says_expiry_; }

private:
    std::size_t max_entries_ = 1000;
    clock::duration expire_after_ = std::chrono::minutes(30);
    bool says_expiry_ = false;
};

/// What a cached function did so far, and what it holds. A call that joins a run in flight is a hit.
struct cache_counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t evicted_by_size = 0;
    std::uint64_t evicted_by_time = 0;
    std::uint64_t evicted_by_invalidation = 0;
    std::size_t size = 0;
    std::size_t max_size = 0;
    std::size_t pending = 0;  ///< runs in flight whose result is going to be kept
};

namespace detail {

struct cache_entry : boost::intrusive::list_base_hook<> {
    clock::time_point used{};
};

[[noreturn]] void destroyed_running_cache(std::string_view name) noexcept;

}  // namespace detail

/// A cached function as a registry, a metrics page or an invalidation from another worker sees it: without its types.
///
/// Thread: that of the cache. Neither copied nor moved, since it is registered by its address.
class cached_function {
public:
    virtual ~cached_function() = default;
    cached_function(const cached_function&) = delete;
    cached_function& operator=(const cached_function&) = delete;

    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    /// What it is called among the workers that tell each other of invalidations; empty: it is in none of their lists. Thread: any, once
    /// it was said.
    [[nodiscard]] const std::string& shared_name() const noexcept { return shared_name_; }
    /// Says its name among the workers. Before it is in their lists.
    void share_as(std::string name) { shared_name_ = std::move(name); }
    [[nodiscard]] cache_counters counters() const noexcept;
    [[nodiscard]] virtual std::size_t key_parts() const noexcept = 0;  ///< always the same; thread: any

    /// Forgets the entry whose key consists of these strings and detaches a run in flight. False, and nothing done: the number
    /// of parts is wrong, or a string is no value of its part's type.
    [[nodiscard]] virtual bool invalidate_strings(std::span<const std::string> key) = 0;
    /// Forgets every entry whose key begins with these strings and detaches runs in flight. False, and
    /// nothing done: there are too many, or a string is no value of its part's type.
    [[nodiscard]] virtual bool invalidate_prefix_strings(std::span<const std::string> prefix) = 0;
    /// The former name of invalidate_strings.
    [[deprecated("it is named invalidate_strings")]] bool invalidate_text(std::span<const std::string> key) {
        return invalidate_strings(key);
    }
    /// The former name of invalidate_prefix_strings.
    [[deprecated("it is named invalidate_prefix_strings")]] bool invalidate_prefix_text(std::span<const std::string> prefix) {
        return invalidate_prefix_strings(prefix);
    }
    virtual void invalidate_all() = 0;

    /// Changes the maximum; shrinking drops entries at once.
    void resize(std::size_t max_entries) noexcept;
    /// Changes the expiry of all entries, whatever was said of it before; zero: never.
    void expire_after(clock::duration unused) noexcept;
    /// Whether whoever declared the function said how long it keeps what nobody asks for.
    [[nodiscard]] bool says_its_expiry() const noexcept { return says_its_expiry_; }
    /// Drops what wasn't used for too long. Lookups and insertions do so by themselves; this is for an idle cache.
    void drop_expired() noexcept;

protected:
    cached_function(std::string_view name, const cache_options& options) noexcept
        : name_(name), options_(options), says_its_expiry_(options.says_expiry()) {}

    /// Destroys an entry that is already out of the list.
    virtual void remove(detail::cache_entry& gone) noexcept = 0;

    /// Entries get old by this clock, which outlives it.
    void use_clock(clock& time) noexcept;
    void count_hit() noexcept { ++hits_; }
    void count_miss() noexcept { ++misses_; }
    /// Whether `found` may still be used, which then counts as a use. Drops it otherwise.
    [[nodiscard]] bool is_live(detail::cache_entry& found) noexcept {
        const clock::time_point at = now();
        if (is_expired(found, at)) [[unlikely]] {
            drop_expired_entry(found);
            return false;
        }
        found.used = at;
        if (&entries_.front() != &found) entries_.splice(entries_.begin(), entries_, entries_.iterator_to(found));
        return true;
    }
    /// Takes in a new entry, and drops what is then too much or too old.
    void link(detail::cache_entry& made) noexcept;
    /// Destroys an entry that was invalidated, and counts it.
    void drop_invalidated(detail::cache_entry& gone) noexcept;
    /// Destroys every entry that `matches(entry)` says to be invalid, and counts them.
    template <class Predicate>
    void drop_invalidated_if(Predicate&& matches) {
        for (auto next = entries_.begin(); next != entries_.end();) {
            detail::cache_entry& looked_at = *next++;
            if (matches(looked_at)) drop_invalidated(looked_at);
        }
    }
    void remove_all() noexcept;

    std::size_t pending_ = 0;
    std::size_t detached_ = 0;

private:
    [[gnu::cold]] void drop_expired_entry(detail::cache_entry& gone) noexcept;
    void drop(detail::cache_entry& gone, std::uint64_t& counter) noexcept;
    void drop_excess() noexcept;
    [[nodiscard]] clock::time_point now() const noexcept {
        return clock_ != nullptr ? clock_->coarse_now() : clock::time_point();
    }
    [[nodiscard]] bool is_expired(const detail::cache_entry& entry, clock::time_point at) const noexcept {
        const clock::duration limit = options_.expire_after();
        return limit > clock::duration::zero() && at - entry.used >= limit;
    }

    std::string_view name_;
    cache_options options_;
    bool says_its_expiry_;
    clock* clock_ = nullptr;  // known from the first run on
    std::uint64_t hits_ = 0;
    std::uint64_t misses_ = 0;
    std::uint64_t evicted_by_size_ = 0;
    std::uint64_t evicted_by_time_ = 0;
    std::uint64_t evicted_by_invalidation_ = 0;
    boost::intrusive::list<detail::cache_entry> entries_;  // most recently used first
    std::string shared_name_;
};

}  // namespace async
