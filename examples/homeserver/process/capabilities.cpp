#include "process/capabilities.h"

#include "access/authentication.h"
#include "http/requests.h"
#include "sessions/session_settings.h"

namespace homeserver {

namespace {

using callbacks::JsonDict;

async::task<modapi::Response> versions(const RoutedRequest&) {
    callbacks::JsonArray known;
    for (const char* const version : {"r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6"}) known.emplace_back(version);
    JsonDict answer;
    answer["versions"] = std::move(known);
    answer["unstable_features"] = JsonDict();
    co_return ok(std::move(answer));
}

JsonDict enabled(bool is_enabled) {
    JsonDict capability;
    capability["enabled"] = is_enabled;
    return capability;
}

async::task<modapi::Response> capabilities(const RoutedRequest& request, Authentication& authentication,
                                           const LoginViaExistingSession& login_via_existing_session) {
    static_cast<void>(co_await authentication.requester_of(request));
    JsonDict available;
    available["10"] = "stable";
    JsonDict room_versions;
    room_versions["default"] = "10";
    room_versions["available"] = std::move(available);
    JsonDict capabilities;
    capabilities["m.room_versions"] = std::move(room_versions);
    capabilities["m.change_password"] = enabled(true);
    capabilities["m.set_displayname"] = enabled(true);
    capabilities["m.set_avatar_url"] = enabled(true);
    capabilities["m.3pid_changes"] = enabled(true);
    capabilities["m.get_login_token"] = enabled(login_via_existing_session.enabled);
    JsonDict answer;
    answer["capabilities"] = std::move(capabilities);
    co_return ok(std::move(answer));
}

}  // namespace

void add_capability_endpoints(Router& router) {
    router.add("GET", "/_matrix/client/versions", &versions);
    add_client(router, "GET", "/capabilities", &capabilities);
}

}  // namespace homeserver
