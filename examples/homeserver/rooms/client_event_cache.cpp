#include "client_event_cache.h"

#include <utility>

namespace homeserver {

std::shared_ptr<const callbacks::ClientEvent> ClientEventCache::get(const callbacks::Event& event) {
    std::string key = event.event_id().value();
    if (event.unsigned_fields().contains("redacted_by")) key += " redacted";
    if (const auto found = recent_.find(key); found != recent_.end()) return found->second;

    std::shared_ptr<const callbacks::ClientEvent> written;
    if (const auto found = before_.find(key); found != before_.end()) {
        written = found->second;
    } else {
        written = std::make_shared<const callbacks::ClientEvent>(event);
    }
    if (recent_.size() >= half_) before_ = std::exchange(recent_, Events());
    recent_.emplace(std::move(key), written);
    return written;
}

}  // namespace homeserver
