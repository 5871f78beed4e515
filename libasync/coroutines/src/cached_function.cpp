#include <async/cached_function.h>

#include <async/string_hash.h>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace async {

namespace detail {

std::uint64_t hash_seed() noexcept {
    static const std::uint64_t seed = (std::uint64_t(std::random_device()()) << 32) | std::random_device()();
    return seed;
}

void destroyed_running_cache(std::string_view name) noexcept {
    std::fprintf(stderr, "async::cached: %.*s was destroyed while a run of it is in flight; end its callers first\n",
                 static_cast<int>(name.size()), name.data());
    std::abort();
}

}  // namespace detail

cache_counters cached_function::counters() const noexcept {
    cache_counters now_held;
    now_held.hits = hits_;
    now_held.misses = misses_;
    now_held.evicted_by_size = evicted_by_size_;
    now_held.evicted_by_time = evicted_by_time_;
    now_held.evicted_by_invalidation = evicted_by_invalidation_;
    now_held.size = entries_.size();
    now_held.max_size = options_.max_entries();
    now_held.pending = pending_;
    return now_held;
}

void cached_function::resize(std::size_t max_entries) noexcept {
    options_.max_entries(max_entries);
    drop_excess();
}

void cached_function::expire_after(clock::duration unused) noexcept {
    options_.expire_after(unused);
    drop_expired();
}

void cached_function::drop_expired() noexcept {
    const clock::time_point at = now();
    while (!entries_.empty() && is_expired(entries_.back(), at)) drop(entries_.back(), evicted_by_time_);
}

void cached_function::use_clock(clock& time) noexcept {
    if (clock_ == &time) return;
    // Times of two clocks don't compare: what is here counts as used now.
    clock_ = &time;
    const clock::time_point at = time.coarse_now();
    for (detail::cache_entry& known : entries_) known.used = at;
}

void cached_function::drop_expired_entry(detail::cache_entry& gone) noexcept { drop(gone, evicted_by_time_); }

void cached_function::link(detail::cache_entry& made) noexcept {
    made.used = now();
    entries_.push_front(made);
    drop_expired();
    drop_excess();
}

void cached_function::drop_invalidated(detail::cache_entry& gone) noexcept { drop(gone, evicted_by_invalidation_); }

void cached_function::remove_all() noexcept {
    entries_.clear_and_dispose([this](detail::cache_entry* gone) { remove(*gone); });
}

void cached_function::drop(detail::cache_entry& gone, std::uint64_t& counter) noexcept {
    entries_.erase(entries_.iterator_to(gone));
    remove(gone);
    ++counter;
}

void cached_function::drop_excess() noexcept {
    while (entries_.size() > options_.max_entries()) drop(entries_.back(), evicted_by_size_);
}

}  // namespace async
