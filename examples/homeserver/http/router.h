#pragma once

#include "http/endpoint.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// How an endpoint gets what its requests have behind the header.
enum class RequestBody : unsigned char {
    whole,     ///< all of it, in memory: what is larger than RequestReader::max_body is refused
    in_parts,  ///< as it comes, by RoutedRequest::incoming_body, whatever its size
};

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
    void add(std::string_view method, std::string_view pattern, const Endpoint& endpoint,
             RequestBody body = RequestBody::whole);
    /// An endpoint as it was added.
    struct Added {
        std::string method;
        std::string pattern;
        Endpoint endpoint;
        RequestBody body;
    };
    [[nodiscard]] const std::vector<Added>& endpoints() const noexcept { return endpoints_; }

    /// The endpoint for a request, with its parameters. No such path: 404 `M_UNRECOGNIZED`; path but not method: 405.
    struct Match {
        const Endpoint* endpoint = nullptr;
        std::size_t index = 0;  ///< of the endpoint among `endpoints`
        std::vector<std::string> parameters;
        bool path_exists = false;
    };
    /// `raw_path` is still percent-encoded, without the query.
    [[nodiscard]] Match find(std::string_view method, std::string_view raw_path) const;

private:
    struct Node;
    static const Node* find_node(const Node& from, std::string_view rest, std::vector<std::string_view>& raw_parameters);

    std::vector<Added> endpoints_;
    std::unique_ptr<Node> root_;
};

/// Adds a client-server endpoint under `/_matrix/client/v3` and `/_matrix/client/r0`.
void add_client(Router& router, std::string_view method, std::string_view pattern, const Endpoint& endpoint);

}  // namespace homeserver
