#include "push_rules.h"

#include "requests.h"

namespace homeserver {

namespace {

callbacks::JsonDict global_rules() {
    callbacks::JsonDict rules;
    for (const char* const kind : {"override", "content", "room", "sender", "underride"}) rules[kind] = callbacks::JsonArray();
    return rules;
}

async::task<modapi::Response> get_all(ServerWorker& worker, const RoutedRequest& request) {
    static_cast<void>(co_await authenticate(worker, request));
    co_return ok(push_rules());
}
async::task<modapi::Response> get_global(ServerWorker& worker, const RoutedRequest& request) {
    static_cast<void>(co_await authenticate(worker, request));
    co_return ok(global_rules());
}

}  // namespace

callbacks::JsonDict push_rules() {
    callbacks::JsonDict rules;
    rules["global"] = global_rules();
    return rules;
}

void add_push_rule_endpoints(Router& router) {
    add_client(router, "GET", "/pushrules", &get_all);
    add_client(router, "GET", "/pushrules/", &get_all);
    add_client(router, "GET", "/pushrules/global", &get_global);
    add_client(router, "GET", "/pushrules/global/", &get_global);
}

}  // namespace homeserver
