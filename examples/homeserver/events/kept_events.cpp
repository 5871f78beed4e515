#include "events/kept_events.h"

#include "events/client_event_text.h"
#include "events/event_format.h"
#include "events/room_store.h"

#include <utility>

namespace homeserver {

const callbacks::ClientEvent& KeptEvent::for_clients() const {
    const std::scoped_lock lock(mutex_);
    if (!for_clients_) for_clients_.emplace(event_, client_event_text(event_));
    return *for_clients_;
}

bool KeptEvents::Entry::says(std::string_view pdu, std::string_view unsigned_fields) const noexcept {
    const std::string_view whole = row;
    return whole.substr(0, pdu_size) == pdu && whole.substr(pdu_size) == unsigned_fields;
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
    Shard& shard = shards_[Hash()(event_id) % shard_count];
    Entry entry;
    {
        const std::scoped_lock lock(shard.mutex);
        const auto found = shard.recent.find(event_id);
        if (found != shard.recent.end() && found->second.says(pdu, unsigned_fields)) return found->second.event;
        const auto older = shard.before.find(event_id);
        if (older != shard.before.end() && older->second.says(pdu, unsigned_fields)) entry.event = older->second.event;
    }
    if (entry.event == nullptr) {
        callbacks::Event event = event_from_pdu(stored_json(pdu), std::string(event_id), stored_json(unsigned_fields));
        entry.event = std::make_shared<const KeptEvent>(std::move(event));
    }
    std::shared_ptr<const KeptEvent> event = entry.event;
    entry.row.reserve(pdu.size() + unsigned_fields.size());
    entry.row.append(pdu).append(unsigned_fields);
    entry.pdu_size = pdu.size();
    if (entry.row.size() <= half_) keep(shard, std::string(event_id), std::move(entry));
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
