#pragma once

#include <atomic>
#include <cstddef>

namespace homeserver {

/// Who in this process is to be told of what other processes store. While it is nobody, nobody reads it.
///
/// Thread: any. A sync is counted before its first look into the database: whoever finds nobody here, in a snapshot that is
/// older, left out nothing that the look doesn't show.
class Audience {
public:
    void add_sync() noexcept { syncs_.fetch_add(1); }
    void remove_sync() noexcept { syncs_.fetch_sub(1); }
    /// A worker's modules begin, or cease, to ask for new events.
    void add_event_readers() noexcept { event_readers_.fetch_add(1); }
    void remove_event_readers() noexcept { event_readers_.fetch_sub(1); }
    void add_pushers() noexcept { pushers_.fetch_add(1); }
    void remove_pushers() noexcept { pushers_.fetch_sub(1); }

    [[nodiscard]] bool has_syncs() const noexcept { return syncs_.load() > 0; }
    [[nodiscard]] bool has_pushers() const noexcept { return pushers_.load() > 0; }
    [[nodiscard]] bool is_somebody() const noexcept { return has_syncs() || has_pushers() || has_event_readers(); }
    /// Others than pushers.
    [[nodiscard]] bool waits() const noexcept { return has_syncs() || has_event_readers(); }
    [[nodiscard]] bool has_event_readers() const noexcept { return event_readers_.load() > 0; }

private:
    std::atomic<std::size_t> syncs_{0};
    std::atomic<std::size_t> event_readers_{0};
    std::atomic<std::size_t> pushers_{0};
};

}  // namespace homeserver
