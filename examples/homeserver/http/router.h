#pragma once

#include <modapi/web_resource.h>

#include <async/task.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

class ServerWorker;

/// A request whose path matched an endpoint.
class RoutedRequest {
public:
    RoutedRequest(const modapi::Request& received, std::vector<std::string> parameters)
        : http(received), path_parameters(std::move(parameters)) {}

    const modapi::Request& http;
    /// What stood in the place of `{...}`, percent-decoded, in order. Well-formed UTF-8 without NUL bytes.
    std::vector<std::string> path_parameters;
    /// Who makes the request, for the log line: filled in by authenticate.
    mutable std::string authenticated_user;
};

/// One endpoint: a coroutine that answers. What it throws becomes the Matrix error of that exception.
using Endpoint = async::task<modapi::Response> (*)(ServerWorker& worker, const RoutedRequest& request);

/// From method and path to endpoint. Filled once at start, then only read; shared by all workers.
///
///     router.add("PUT", "/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{transaction_id}", &send_event);
///     add_client(router, "PUT", "/rooms/{room_id}/send/{event_type}/{transaction_id}", &send_event);  // v3 and r0
class Router {
public:
    Router();
    ~Router();
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    /// A segment `{name}` matches any one non-empty segment (also percent-encoded slashes); an empty last segment matches where
    /// `{name?}` is written.
    void add(std::string_view method, std::string_view pattern, Endpoint endpoint);
    /// The endpoint for a request, with its parameters. No such path: 404 `M_UNRECOGNIZED`; path but not method: 405.
    struct Match {
        Endpoint endpoint = nullptr;
        std::vector<std::string> parameters;
        bool path_exists = false;
    };
    /// `raw_path` is still percent-encoded, without the query.
    [[nodiscard]] Match find(std::string_view method, std::string_view raw_path) const;

private:
    struct Node;
    static const Node* find_node(const Node& from, std::string_view rest, std::vector<std::string_view>& raw_parameters);

    std::unique_ptr<Node> root_;
};

/// Adds a client-server endpoint under `/_matrix/client/v3` and `/_matrix/client/r0`.
void add_client(Router& router, std::string_view method, std::string_view pattern, Endpoint endpoint);

}  // namespace homeserver
