#include "events/kept_events.h"

#include "events/client_event_text.h"
#include "events/event_format.h"
#include "events/room_store.h"

#include <utility>

namespace homeserver {

const callbacks::ClientEvent& KeptEvent::for_clients() const {
    if (const callbacks::ClientEvent* const written = written_.load(std::memory_order_acquire)) return *written;
    const std::scoped_lock lock(mutex_);
    if (!for_clients_) for_clients_.emplace(event_, client_event_text(event_));
    written_.store(&*for_clients_, std::memory_order_release);
    return *for_clients_;
}

bool KeptEvents::Entry::says(std::string_view pdu, std::string_view unsigned_fields) const noexcept {
    return pdu.size() == pdu_size && row.size() == pdu_size + unsigned_fields.size() && row.starts_with(pdu) &&
           row.ends_with(unsigned_fields);
}

/// By one of its characters, which are a hash's: whoever makes them all the same makes threads wait for each other, and that is all.
KeptEvents::Shard& KeptEvents::shard_of(std::string_view event_id) noexcept {
    const auto character = event_id.empty() ? 0U : static_cast<unsigned char>(event_id[event_id.size() / 2]);
    return shards_[character % shard_count];
}

void KeptEvents::keep(Shard& shard, std::string event_id, Entry entry) {
    Entries dropped;  // destroyed when nobody waits for the lock any more
    const std::scoped_lock lock(shard.mutex);
    const std::size_t size = entry.row.size();
    if (shard.recent_text + size > half_) {
        dropped = std::exchange(shard.before, std::exchange(shard.recent, Entries()));
        shard.before_text = std::exchange(shard.recent_text, 0);
    }
    Entry& place = shard.recent[std::move(event_id)];
    shard.recent_text += size;
    shard.recent_text -= place.row.size();
    std::swap(place, entry);  // the former one is destroyed behind the lock too
}

std::shared_ptr<const KeptEvent> KeptEvents::get(std::string_view event_id, std::string_view pdu,
                                                 std::string_view unsigned_fields) {
    Shard& shard = shard_of(event_id);
    std::shared_ptr<const KeptEvent> event;
    {
        const std::scoped_lock lock(shard.mutex);
        const auto found = shard.recent.find(event_id);
        if (found != shard.recent.end() && found->second.says(pdu, unsigned_fields)) return found->second.event;
        const auto older = shard.before.find(event_id);
        if (older != shard.before.end() && older->second.says(pdu, unsigned_fields)) event = older->second.event;
    }
    if (event == nullptr) {
        event = std::make_shared<const KeptEvent>(
            event_from_pdu(stored_json(pdu), std::string(event_id), stored_json(unsigned_fields)));
    }
    const std::size_t size = pdu.size() + unsigned_fields.size();
    if (size > half_) return event;
    Entry entry;
    entry.row.reserve(size);
    entry.row.append(pdu).append(unsigned_fields);
    entry.pdu_size = pdu.size();
    entry.event = event;
    keep(shard, std::string(event_id), std::move(entry));
    return event;
}

std::size_t KeptEvents::text_size() const {
    std::size_t size = 0;
    for (const Shard& shard : shards_) {
        const std::scoped_lock lock(shard.mutex);
        size += shard.recent_text + shard.before_text;
    }
    return size;
}

KeptEvents& kept_events() {
    static KeptEvents events;
    return events;
}

}  // namespace homeserver
