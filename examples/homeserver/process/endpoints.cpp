#include "process/endpoints.h"

#include "account_changes/account_third_party_ids.h"
#include "account_changes/deactivation.h"
#include "account_changes/password_change.h"
#include "account_changes/registration.h"
#include "account_data/account_data.h"
#include "account_data/room_tags.h"
#include "addresses/validation_requests.h"
#include "admin/admin.h"
#include "federation/federation.h"
#include "http/health.h"
#include "media/media.h"
#include "presence/presence.h"
#include "process/capabilities.h"
#include "profiles/profile.h"
#include "profiles/user_directory.h"
#include "push/pushers.h"
#include "push/rule_endpoints.h"
#include "rooms/room_endpoints.h"
#include "sessions/devices.h"
#include "sessions/login.h"
#include "sessions/login_tokens.h"
#include "sync/filters.h"
#include "sync/sync.h"

namespace homeserver {

void add_endpoints(Router& router) {
    add_health_endpoint(router);
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
    add_sync_endpoint(router);
    add_media_endpoints(router);
    add_deactivation_endpoint(router);
    add_admin_endpoints(router);
    add_federation_endpoints(router);
    add_user_directory_endpoint(router);
}

}  // namespace homeserver
