#pragma once

#include <callbacks/unsigned.h>

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace callbacks {

class ClientEvent;

namespace detail {
struct KeptFields;
class FirstWalk;
struct AskedEvent;
class PutIn;

/// The hooks of a list, as far as remembering has to know them.
struct RememberedHooks {
    struct Hook {
        bool is_remembered;  ///< what it writes is kept
        std::uint64_t registrant;
    };
    std::vector<Hook> hooks;  ///< in their order
    bool are_all = false;     ///< what every one of them writes is kept
};
}  // namespace detail

/// What modules wrote for events that say that it depends on the event only (`once_per_event`), for one worker: until they say
/// otherwise, or other modules are asked, or there is no room for it.
///
/// An event is one that a host has prepared (ClientEvent): prepared anew, as after its redaction, it is another one.
/// First walk: the modules are asked about the events of a response that aren't kept in one walk, of which every event is one
/// that all who want it meanwhile wait for. It has a context of its own: the worker's, without a request; only the worker's stop
/// cuts it (`dispatch_settings::shared_walks`).
/// Errors: who waits for an event whose walk failed fails with it, or asks once more if that was about other events too; what a
/// failed module would have written isn't kept, whether the response fails or that counts as no opinion: it is asked again.
/// Invalidation wins over a walk that is under way: who waits for it gets what it gives, which isn't kept.
/// Memory: of `Limits`, which count keys, values and what belongs to them; the least recently used half goes at once. Cost: a
/// lookup and a copy for an event that is kept, where all modules that are asked remember; else a look for each field whether its
/// name is there already. Thread: the worker's.
class RememberedFields {
public:
    /// Of one registration's memory on one worker.
    struct Limits {
        std::size_t max_events = 16'384;
        std::size_t max_bytes = std::size_t(16) << 20U;
    };

    RememberedFields();
    explicit RememberedFields(const Limits& limits);
    ~RememberedFields();
    RememberedFields(const RememberedFields&) = delete;
    RememberedFields& operator=(const RememberedFields&) = delete;

    /// Forgets all, of all modules.
    void forget_all() noexcept;
    /// Forgets what this instance of a module (async::registration) wrote.
    void forget(std::uint64_t registrant) noexcept;
    /// Likewise, for this event only. Cost: as of a lookup.
    void forget(std::uint64_t registrant, std::string_view event_id);

    [[nodiscard]] std::size_t events() const noexcept { return recent_.by_event.size() + before_.by_event.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return recent_.bytes + before_.bytes; }

private:
    friend class ClientEvents;
    friend class detail::FirstWalk;
    friend class detail::PutIn;
    using Hook = decltype(UnsignedDispatch::add_field_to_unsigned_callback);
    using Kept = std::shared_ptr<const detail::KeptFields>;

    /// What was kept since there was too much of it the last time.
    struct Generation {
        boost::unordered_flat_map<std::uint64_t, Kept> by_event;             // by the event's number
        std::unordered_multimap<std::uint64_t, std::uint64_t> by_id;         // by the hash of its id, its number
        std::size_t bytes = 0;
    };

    /// One of `recent_` that is whole, at a place by its event's number.
    struct Near {
        std::uint64_t event = 0;  // none
        const detail::KeptFields* kept = nullptr;
    };

    /// Looks who is asked by now; forgets all if it isn't as before.
    void look_at(const Hook& hook);
    /// What was written for this event; null: not for all of the modules, or nothing. Valid until the next step.
    [[nodiscard]] const Kept* find(std::uint64_t event) noexcept;
    /// Likewise, if it is whole.
    [[nodiscard]] const detail::KeptFields* find_whole(std::uint64_t event) noexcept {
        const Near& near = near_[event % near_.size()];
        return near.event == event ? near.kept : look_up_whole(event);
    }
    [[nodiscard]] const detail::KeptFields* look_up_whole(std::uint64_t event) noexcept;
    /// The walk that is under way about it; null: none.
    [[nodiscard]] std::shared_ptr<detail::AskedEvent> under_way(std::uint64_t event) const;
    void begin(const std::shared_ptr<detail::AskedEvent>& asked);
    void end(const std::shared_ptr<detail::AskedEvent>& asked) noexcept;
    void keep(Kept made);
    template <class Predicate>
    void detach_if(const Predicate& matches) noexcept;

    Limits limits_;
    std::shared_ptr<const detail::RememberedHooks> asked_;
    std::uint64_t changes_ = 0;    // of what the hooks are asked, when it was looked at
    std::vector<std::uint64_t> forgotten_;  // by hook: how often all that it wrote was forgotten
    std::uint64_t all_forgotten_ = 0;       // their sum
    Generation recent_;
    Generation before_;
    std::array<Near, 512> near_{};
    boost::unordered_flat_map<std::uint64_t, std::shared_ptr<detail::AskedEvent>> under_way_;
};

}  // namespace callbacks
