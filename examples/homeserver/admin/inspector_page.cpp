#include "admin/inspector_page.h"

#include <modapi/hosting/inspector_page.h>

#include <callbacks/errors.h>

#include <optional>
#include <string>

namespace homeserver {

namespace {

using modapi::Response;

async::task<Response> get_file(const RoutedRequest& request, const std::optional<modapi::InspectorPage>& page) {
    if (!page) throw callbacks::SynapseError(404, "The inspector's files are not installed", callbacks::Codes::NOT_FOUND);
    const std::string name = request.path_parameters.empty() ? std::string() : request.path_parameters.front();
    co_return page->answer(request.http, name);
}

/// The page finds what it loads beside itself: its address ends with a slash. Also where a proxy has put it elsewhere.
async::task<Response> lead_to_page(const RoutedRequest&) {

    Response response;
    response.status = 308;
    response.headers.emplace_back("Location", "modules/");
    co_return response;
}

}  // namespace

void add_inspector_page(Router& router) {
    router.add("GET", "/_synapse/admin/modules", &lead_to_page);
    router.add("GET", "/_synapse/admin/modules/{file?}", &get_file);
}

}  // namespace homeserver
