#pragma once

#include <callbacks/errors.h>
#include <callbacks/json.h>

#include <async/observation.h>
#include <async/task.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

/// One HTTP request, as a web resource sees it. Immutable; valid during the handler.
struct Request {
    /// A request with its target taken apart: `/path?a=1`, percent-encoded, also in the absolute form that proxies are sent.
    /// A target without a path (`*`) has an empty one. Headers, body and client are left to be filled in.
    [[nodiscard]] static Request of(std::string method, std::string target);

    std::string method;                                      ///< upper case
    std::string target;                                      ///< as sent: still percent-encoded, with the query
    std::string path;                                        ///< decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string client_address;

    /// The first value of a query parameter; none if it isn't there.
    [[nodiscard]] std::optional<std::string> argument(std::string_view name) const;
    /// The first value of a query parameter. Errors: SynapseError 400 `M_MISSING_PARAM` "Missing string query parameter NAME".
    [[nodiscard]] std::string required_argument(std::string_view name) const;
    /// A header, whatever its case.
    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
    /// The body as an object. Errors: SynapseError 400 `M_NOT_JSON`, 400 `M_BAD_JSON`.
    [[nodiscard]] callbacks::JsonDict json_object() const;
};

/// One HTTP response.
struct Response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

/// Something a module serves at a path. `handle` runs on the worker that got the request.
class WebResource {
public:
    virtual ~WebResource() = default;
    /// Answers a request below the resource's path. What it throws becomes an answer of the host's.
    [[nodiscard]] virtual async::task<Response> handle(const Request& request) = 0;
};

/// What a JSON handler answers: a status and a JSON value.
class JsonResponse {
public:
    JsonResponse(int http_status, callbacks::JsonValue answer) : status(http_status), body(std::move(answer)) {}
    int status;
    callbacks::JsonValue body;
};

/// A resource that speaks JSON (contract: `DirectServeJsonResource`): override the handlers you serve.
///
/// A method without a handler: 405 `M_UNRECOGNIZED`; HEAD is served by GET; OPTIONS answers with CORS headers, as every
/// response has them. A SynapseError becomes its status and body, anything else 500.
class DirectServeJsonResource : public WebResource {
public:
    [[nodiscard]] async::task<Response> handle(const Request& request) final;

protected:
    /// Answers GET and HEAD.
    [[nodiscard]] virtual async::task<JsonResponse> async_render_GET(const Request& request);
    /// Answers POST.
    [[nodiscard]] virtual async::task<JsonResponse> async_render_POST(const Request& request);
    /// Answers PUT.
    [[nodiscard]] virtual async::task<JsonResponse> async_render_PUT(const Request& request);
    /// Answers DELETE.
    [[nodiscard]] virtual async::task<JsonResponse> async_render_DELETE(const Request& request);
};

/// A resource that serves pages (contract: `DirectServeHtmlResource`), with anti-framing headers. Errors become a page.
class DirectServeHtmlResource : public WebResource {
public:
    [[nodiscard]] async::task<Response> handle(const Request& request) final;

protected:
    /// Answers GET and HEAD.
    [[nodiscard]] virtual async::task<Response> async_render_GET(const Request& request);
    /// Answers POST.
    [[nodiscard]] virtual async::task<Response> async_render_POST(const Request& request);
};

/// The JSON error of an exception, as every Matrix endpoint answers it: a SynapseError's status and body, which are meant for
/// the client, else 500 `M_UNKNOWN` "Internal server error". What any other exception says is for the log alone: a ModuleFailed
/// or a failed request of a module names addresses and files. Shared by hosts and resources.
[[nodiscard]] Response error_response(const std::exception_ptr& failure);
/// Text as it stands in HTML, in an element or in a quoted attribute.
[[nodiscard]] std::string escaped_html(std::string_view text);
/// A page, with the anti-framing headers of every page (contract: `respond_with_html`). `html` is the whole document.
[[nodiscard]] Response html_response(int status, std::string html);
/// A compact JSON response with CORS headers.
[[nodiscard]] Response json_response(int status, const callbacks::JsonValue& body);

/// The resources of one worker, by path. Matching is by whole segments, the longest path wins.
class WebResources {
public:
    /// `/_matrix/{client,federation,media,key}` and `/_synapse/admin`: what the contract's server serves itself.
    [[nodiscard]] static std::vector<std::string> usual_reserved_paths();
    /// The paths are the host's own, each with everything below it.
    explicit WebResources(std::vector<std::string> reserved_paths = usual_reserved_paths());

    /// Claims `path`. Returns false if it is taken (the first module keeps it). Errors: RegistrationError for a path that isn't
    /// absolute, or is equal to, below or above a reserved one.
    [[nodiscard]] bool add(std::string path, std::shared_ptr<WebResource> resource, std::string_view module);
    /// Claims the path of a resource that `other` has, which keeps it: it is counted in the same place. False, as of add.
    [[nodiscard]] bool add_from(const WebResources& other, std::string_view path);
    /// The resource that serves `path`; null if none does. The path equals the resource's, or lies below it.
    [[nodiscard]] WebResource* find(std::string_view path) const noexcept;
    /// Which module claimed `path`.
    [[nodiscard]] std::string_view owner(std::string_view path) const noexcept;
    /// Whose code is on the stack while the resource of `path` runs, and what was counted of it; null if none serves it.
    [[nodiscard]] const async::callback_identity* identity_of(std::string_view path) const noexcept;
    /// Has the resource of the request's path answer; none: there is none. `settings` as for callbacks, but for the time after
    /// which it is cut, and 504 answered; 0: never. Counted as failed: what throws, is cut, answers with 500. Errors: only the
    /// caller's cancellation; the rest is logged and answered as error_response says. The resources and `request` outlive it.
    [[nodiscard]] async::task<std::optional<Response>> serve(const Request& request, const async::dispatch_settings& settings,
                                                             async::clock::duration deadline) const;
    /// Nothing may be added from now on: a module that tries gets a RegistrationError.
    void close() noexcept { closed_ = true; }

private:
    struct Entry;
    [[nodiscard]] const Entry* entry_for(std::string_view path) const noexcept;
    void check_path(const std::string& path) const;

    std::vector<std::string> reserved_;
    std::vector<std::shared_ptr<Entry>> entries_;
    bool closed_ = false;
};

}  // namespace modapi
