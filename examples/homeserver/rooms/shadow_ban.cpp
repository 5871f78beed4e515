#include "rooms/shadow_ban.h"

#include "http/requests.h"
#include "rooms/appended_event.h"
#include "text/secrets.h"

namespace homeserver {

namespace {

modapi::Response answer_with(std::string event_id) {
    callbacks::JsonDict answer;
    answer["event_id"] = std::move(event_id);
    return ok(std::move(answer));
}

}  // namespace

modapi::Response pretended_event() { return answer_with(new_event_id_lookalike()); }

modapi::Response pretended_event(const SigningKey& signing_key, const std::string& room_id,
                                 const SentTransaction& transaction) {
    std::string text = "pretended event";
    text.push_back('\0');
    for (const std::string& part : {transaction.user_id, transaction.device_id, room_id, transaction.transaction_id})
        text.append(part).push_back('\0');
    return answer_with(event_id_lookalike_of(signing_key.sign(text)));
}

}  // namespace homeserver
