#pragma once

#include <callbacks/client_event.h>
#include <callbacks/event.h>

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace homeserver {

/// An event for all who read it: parsed, and written once in the form that clients get.
///
/// Thread: any.
class KeptEvent {
public:
    explicit KeptEvent(callbacks::Event event) : event_(std::move(event)) {}
    KeptEvent(const KeptEvent&) = delete;
    KeptEvent& operator=(const KeptEvent&) = delete;

    [[nodiscard]] const callbacks::Event& event() const noexcept { return event_; }
    /// In the form that clients get; the first who asks has it written. Lifetime: this object's. Errors: callbacks::NotUtf8.
    [[nodiscard]] const callbacks::ClientEvent& for_clients() const;

private:
    callbacks::Event event_;
    mutable std::mutex mutex_;  // of who writes it
    mutable std::optional<callbacks::ClientEvent> for_clients_;
    mutable std::atomic<const callbacks::ClientEvent*> written_{nullptr};  // `for_clients_` once it is there
};

/// The events that were read from the database lately.
///
/// A row is asked for by all that it says: an event never changes but for its redaction, or that of the state it replaced, after
/// which its row says something else, whoever of this process or another one did it. So nothing has to be taken out of here.
///
/// Thread: any. Cost: a lookup and a comparison of the texts; the least recently used half goes at once, so that little is moved at
/// a hit. Memory: at most `max_text` bytes of rows, and what was made of them, which for JSON that is all brackets is twenty times as
/// much. What is read without being sent takes its place too: the whole state of a very large room drives out the rest.
class KeptEvents {
public:
    explicit KeptEvents(std::size_t max_text = 16UL * 1024 * 1024) noexcept : half_(max_text / 2 / shard_count) {}

    /// The event that a row says. Errors: those of parsing it.
    [[nodiscard]] std::shared_ptr<const KeptEvent> get(std::string_view event_id, std::string_view pdu,
                                                       std::string_view unsigned_fields);

    /// Bytes of rows that are kept.
    [[nodiscard]] std::size_t text_size() const;

private:
    static constexpr std::size_t shard_count = 16;  // threads of the database seldom meet in one

    struct Entry {
        std::string row;           // both texts
        std::size_t pdu_size = 0;  // of the first one
        std::shared_ptr<const KeptEvent> event;

        [[nodiscard]] bool says(std::string_view pdu, std::string_view unsigned_fields) const noexcept;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view event_id) const noexcept { return std::hash<std::string_view>()(event_id); }
    };
    using Entries = boost::unordered_flat_map<std::string, Entry, Hash, std::equal_to<>>;

    struct Shard {
        mutable std::mutex mutex;
        Entries recent;
        std::size_t recent_text = 0;
        Entries before;  // what was recent until there was too much of it
        std::size_t before_text = 0;
    };

    [[nodiscard]] Shard& shard_of(std::string_view event_id) noexcept;
    void keep(Shard& shard, std::string event_id, Entry entry);

    std::size_t half_;  // of a shard
    std::array<Shard, shard_count> shards_;
};

/// Those of this process: what a row says doesn't depend on the server, worker or thread that reads it.
[[nodiscard]] KeptEvents& kept_events();

}  // namespace homeserver
