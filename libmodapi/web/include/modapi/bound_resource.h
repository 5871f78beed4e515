#pragma once

#include <modapi/web_resource.h>

#include <async/name.h>
#include <async/slot.h>

#include <memory>

namespace modapi {

/// A place for the function that serves one method of a path: a coroutine or a plain function that takes a `const Request&`,
/// which is valid until it has answered; a member by `async::bind<&Module::function>(this)`. Empty: the method isn't served.
template <async::name Method, class Answer>
using MethodHandler = async::slot<Method, Answer(const Request&), void, void>;

/// The functions of a resource that speaks JSON, by method; they answer a JsonResponse.
struct JsonMethods {
    MethodHandler<"GET", JsonResponse> GET{};
    MethodHandler<"POST", JsonResponse> POST{};
    MethodHandler<"PUT", JsonResponse> PUT{};
    MethodHandler<"DELETE", JsonResponse> DELETE{};
};

/// The functions of a resource that serves pages, by method; they answer a Response.
struct HtmlMethods {
    MethodHandler<"GET", Response> GET{};
    MethodHandler<"POST", Response> POST{};
};

/// A DirectServeJsonResource made of functions instead of a class; everything else is as there.
///
///     api.register_web_resource("/_synapse/client/forbidden_words",
///                               modapi::json_resource({.GET = async::bind<&ForbiddenWords::count>(this)}));
///
/// What is registered is kept as long as the path is served, a lambda with its captures too; the object behind `bind` lives
/// as long as that, as the module does for its own: its resources are gone with it. Designated in the order above. Errors:
/// RegistrationError if no method is served. Cost of a request: an indirect call.
[[nodiscard]] std::shared_ptr<WebResource> json_resource(JsonMethods methods);
/// A DirectServeHtmlResource made of functions instead of a class; lifetimes and errors as for json_resource.
[[nodiscard]] std::shared_ptr<WebResource> html_resource(HtmlMethods methods);

}  // namespace modapi
