#include "shadow_ban.h"

#include "../requests.h"
#include "../secrets.h"

namespace homeserver {

modapi::Response pretended_event() {
    callbacks::JsonDict answer;
    answer["event_id"] = new_event_id_lookalike();
    return ok(std::move(answer));
}

}  // namespace homeserver
