#include "endpoints.h"

#include "account_data.h"
#include "admin.h"
#include "capabilities.h"
#include "deactivation.h"
#include "devices.h"
#include "federation/federation.h"
#include "filters.h"
#include "login.h"
#include "login_tokens.h"
#include "media.h"
#include "password_change.h"
#include "presence.h"
#include "profile.h"
#include "push/pushers.h"
#include "push/rule_endpoints.h"
#include "registration.h"
#include "room_tags.h"
#include "rooms/rooms.h"
#include "third_party/account_third_party_ids.h"
#include "third_party/validation_requests.h"
#include "user_directory.h"

namespace homeserver {

void add_endpoints(Router& router) {
    add_capability_endpoints(router);
    add_registration_endpoints(router);
    add_login_endpoints(router);
    add_login_token_endpoint(router);
    add_session_endpoints(router);
    add_validation_endpoints(router);
    add_account_third_party_id_endpoints(router);
    add_password_change_endpoint(router);
    add_profile_endpoints(router);
    add_account_data_endpoints(router);
    add_room_tag_endpoints(router);
    add_presence_endpoints(router);
    add_push_rule_endpoints(router);
    add_pusher_endpoints(router);
    add_filter_endpoints(router);
    add_room_endpoints(router);
    add_media_endpoints(router);
    add_deactivation_endpoint(router);
    add_admin_endpoints(router);
    add_federation_endpoints(router);
    add_user_directory_endpoint(router);
}

}  // namespace homeserver
