#include "client_event.h"

namespace homeserver {

using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;

namespace {

JsonDict own_unsigned(const ServerWorker& worker, const StoredEvent& stored, const Recipient& recipient) {
    JsonDict fields = stored.event.unsigned_fields();
    fields["age"] = worker.now_ms() - stored.event.origin_server_ts();
    const bool same_session =
        stored.transaction_id && stored.event.sender() == recipient.user_id && stored.device_id == recipient.device_id;
    if (same_session) fields["transaction_id"] = *stored.transaction_id;
    return fields;
}

JsonDict without_unsigned(const Event& event, const Recipient& recipient) {
    JsonDict written;
    written["type"] = event.type();
    if (event.event_id()) written["event_id"] = *event.event_id();
    if (recipient.with_room_id) written["room_id"] = event.room_id();
    written["sender"] = event.sender();
    written["content"] = event.content();
    if (event.state_key()) written["state_key"] = *event.state_key();
    written["origin_server_ts"] = event.origin_server_ts();
    if (event.redacts()) written["redacts"] = *event.redacts();
    return written;
}

}  // namespace

Recipient recipient_of(const callbacks::Requester& requester, bool with_room_id) {
    return {requester.user.to_string(), requester.device_id.value_or(std::string()), with_room_id};
}

async::task<JsonDict> client_event(ServerWorker& worker, StoredEvent stored, Recipient recipient) {
    JsonDict written = without_unsigned(stored.event, recipient);
    JsonDict own = own_unsigned(worker, stored, recipient);
    const auto& hook = worker.hooks().unsigned_fields.add_field_to_unsigned_callback;
    if (!hook.empty()) {
        JsonDict added = co_await hook(stored.event);
        for (auto& field : own) added.insert_or_assign(field.key(), std::move(field.value()));
        own = std::move(added);
    }
    written["unsigned"] = std::move(own);
    co_return written;
}

async::task<JsonArray> client_events(ServerWorker& worker, std::vector<StoredEvent> stored, Recipient recipient) {
    JsonArray written;
    written.reserve(stored.size());
    for (StoredEvent& each : stored) {
        JsonDict event = co_await client_event(worker, std::move(each), recipient);
        written.push_back(std::move(event));
    }
    co_return written;
}

JsonDict stripped_event(const Event& event) {
    JsonDict stripped;
    stripped["type"] = event.type();
    stripped["state_key"] = event.state_key().value_or(std::string());
    stripped["sender"] = event.sender();
    stripped["content"] = event.content();
    return stripped;
}

}  // namespace homeserver
