#include <modapi/testing/events.h>

#include <utility>

namespace modapi::testing {

namespace {

callbacks::EventFields fields_of(const std::string& type, const std::string& sender, const std::string& room_id,
                                 callbacks::JsonDict content) {
    callbacks::EventFields fields;
    fields.event_id = "$event:of.a.test";
    fields.type = type;
    fields.sender = sender;
    fields.room_id = room_id;
    fields.content = std::move(content);
    return fields;
}

}  // namespace

callbacks::Event event(const std::string& type, const std::string& sender, const std::string& room_id,
                       callbacks::JsonDict content) {
    return callbacks::Event(fields_of(type, sender, room_id, std::move(content)));
}

callbacks::Event state_event(const std::string& type, const std::string& state_key, const std::string& sender,
                             const std::string& room_id, callbacks::JsonDict content) {
    callbacks::EventFields fields = fields_of(type, sender, room_id, std::move(content));
    fields.state_key = state_key;
    return callbacks::Event(std::move(fields));
}

callbacks::Event message(const std::string& sender, const std::string& room_id, const std::string& body) {
    callbacks::JsonDict content;
    content["msgtype"] = "m.text";
    content["body"] = body;
    return event("m.room.message", sender, room_id, std::move(content));
}

callbacks::Event member_event(const std::string& sender, const std::string& target, const std::string& room_id,
                              const std::string& membership, callbacks::JsonDict content) {
    content["membership"] = membership;
    return state_event("m.room.member", target, sender, room_id, std::move(content));
}

}  // namespace modapi::testing
