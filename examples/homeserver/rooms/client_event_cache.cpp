#include "client_event_cache.h"

#include "client_event_text.h"

#include <utility>

namespace homeserver {

namespace {

/// An event's id, and what tells its forms before and after a redaction apart: its own, or of the state that it replaced, whose
/// content lost members.
std::string key_of(const callbacks::Event& event) {
    std::string key = event.event_id().value();
    if (event.unsigned_fields().contains("redacted_by")) key += " redacted";
    const callbacks::JsonValue* const replaced = event.unsigned_fields().if_contains("prev_content");
    if (replaced != nullptr && replaced->is_object()) key += " " + std::to_string(replaced->get_object().size());
    return key;
}

}  // namespace

std::shared_ptr<const callbacks::ClientEvent> ClientEventCache::get(const callbacks::Event& event) {
    std::string key = key_of(event);
    if (const auto found = recent_.find(key); found != recent_.end()) return found->second;

    std::shared_ptr<const callbacks::ClientEvent> written;
    if (const auto found = before_.find(key); found != before_.end()) {
        written = found->second;
    } else {
        written = std::make_shared<const callbacks::ClientEvent>(event, client_event_text(event));
    }
    if (recent_.size() >= half_) before_ = std::exchange(recent_, Events());
    recent_.emplace(std::move(key), written);
    return written;
}

}  // namespace homeserver
