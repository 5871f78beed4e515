#include "http/router.h"

#include <modapi/request_target.h>

#include <map>
#include <stdexcept>

namespace homeserver {

/// What is known of the paths that share one beginning.
struct Router::Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;  // by the next segment
    std::unique_ptr<Node> parameter;                                    // any next segment
    bool parameter_may_be_empty = false;
    std::map<std::string, std::size_t, std::less<>> endpoints;  // index by method, for paths that end here
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::add(std::string_view method, std::string_view pattern, const Endpoint& endpoint, RequestBody body) {
    if (!pattern.starts_with('/'))
        throw std::invalid_argument("the pattern of an endpoint begins with a slash: " + std::string(pattern));
    Node* node = root_.get();
    std::string_view rest = pattern;
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::string_view segment = rest.substr(0, rest.find('/'));
        rest.remove_prefix(segment.size());
        const bool is_parameter = segment.starts_with('{') && segment.ends_with('}');
        std::unique_ptr<Node>& next = is_parameter ? node->parameter : node->literal[std::string(segment)];
        if (next == nullptr) next = std::make_unique<Node>();
        if (is_parameter && segment.ends_with("?}")) node->parameter_may_be_empty = true;
        node = next.get();
    }
    if (!node->endpoints.emplace(method, endpoints_.size()).second) {
        throw std::invalid_argument("two endpoints for " + std::string(method) + " " + std::string(pattern));
    }
    endpoints_.push_back({std::string(method), std::string(pattern), endpoint, body});
}

const Router::Node* Router::find_node(const Node& from, std::string_view rest, std::vector<std::string_view>& raw_parameters) {
    if (rest.empty()) return from.endpoints.empty() ? nullptr : &from;
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    const auto literal = from.literal.find(segment);
    if (literal != from.literal.end()) {
        if (const Node* const found = find_node(*literal->second, rest, raw_parameters)) return found;
    }
    if (from.parameter == nullptr || (segment.empty() && !(from.parameter_may_be_empty && rest.empty()))) return nullptr;
    raw_parameters.push_back(segment);
    if (const Node* const found = find_node(*from.parameter, rest, raw_parameters)) return found;
    raw_parameters.pop_back();
    return nullptr;
}

Router::Match Router::find(std::string_view method, std::string_view raw_path) const {
    Match match;
    std::vector<std::string_view> raw_parameters;
    if (!raw_path.starts_with('/')) return match;
    const Node* const node = find_node(*root_, raw_path, raw_parameters);
    if (node == nullptr) return match;
    match.path_exists = true;
    auto found = node->endpoints.find(method);
    if (found == node->endpoints.end() && method == "HEAD") found = node->endpoints.find("GET");
    if (found == node->endpoints.end()) return match;
    match.index = found->second;
    match.endpoint = &endpoints_[match.index].endpoint;
    match.parameters.reserve(raw_parameters.size());
    for (const std::string_view raw : raw_parameters) match.parameters.push_back(modapi::percent_decoded(raw));
    return match;
}

void add_client(Router& router, std::string_view method, std::string_view pattern, const Endpoint& endpoint) {
    router.add(method, "/_matrix/client/v3" + std::string(pattern), endpoint);
    router.add(method, "/_matrix/client/r0" + std::string(pattern), endpoint);
}

}  // namespace homeserver
