#pragma once

#include "http/incoming_body.h"
#include "http/outgoing_body.h"
#include "http/services.h"

#include <modapi/web_resource.h>

#include <async/cancellation.h>
#include <async/task.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

/// A request whose path matched an endpoint.
class RoutedRequest {
public:
    RoutedRequest(const modapi::Request& received, std::vector<std::string> parameters)
        : http(received), path_parameters(std::move(parameters)) {}

    const modapi::Request& http;
    /// What stood in the place of `{...}`, percent-decoded, in order. Well-formed UTF-8 without NUL bytes.
    std::vector<std::string> path_parameters;
    /// Who makes the request, for the log line: filled in by Authentication.
    mutable std::string authenticated_user;
    /// What only waits for news, be it at the cost of an early answer with none, ends with this: the client won't send anything
    /// any more, so it may be gone. A child of the request's own. Null: nobody says so.
    async::cancellation_source* waits = nullptr;
    /// What the client sends behind the header, for an endpoint that takes it in parts; null for others, which have it in
    /// `http`.
    IncomingBody* incoming_body = nullptr;
    /// What is sent in the place of the response's body: filled in by an endpoint whose answer is elsewhere.
    mutable std::unique_ptr<OutgoingBody> outgoing_body;
};

/// One endpoint: a coroutine that answers a request by the services that its other parameters name. What it throws becomes the
/// Matrix error of that exception.
///
///     async::task<modapi::Response> log_out(const RoutedRequest& request, Authentication& authentication, Sessions& sessions);
///     add_client(router, "POST", "/logout", &log_out);
class Endpoint {
public:
    /// None.
    Endpoint() = default;
    template <class... Needed>
    Endpoint(async::task<modapi::Response> (*function)(const RoutedRequest& request, Needed&... services))
        : function_(reinterpret_cast<Function>(function)),
          call_(&call_function<Needed...>),
          needs_{service_kind<Needed>()...} {}

    /// The types of its services, in the order of its parameters.
    [[nodiscard]] const std::vector<ServiceKind>& needs() const noexcept { return needs_; }

    /// Calls it with the services that stand at `services`, as many as `needs` says; they and `request` outlive the task.
    [[nodiscard]] async::task<modapi::Response> operator()(const RoutedRequest& request, void* const* services) const {
        return call_(function_, request, services);
    }

    [[nodiscard]] bool operator==(const Endpoint& other) const noexcept { return function_ == other.function_; }

private:
    using Function = void (*)();
    using Call = async::task<modapi::Response> (*)(Function function, const RoutedRequest& request, void* const* services);

    template <class... Needed>
    static async::task<modapi::Response> call_function(Function function, const RoutedRequest& request, void* const* services) {
        return call_with<Needed...>(function, request, services, std::index_sequence_for<Needed...>());
    }
    template <class... Needed, std::size_t... index>
    static async::task<modapi::Response> call_with(Function function, const RoutedRequest& request,
                                                   [[maybe_unused]] void* const* services, std::index_sequence<index...>) {
        const auto typed = reinterpret_cast<async::task<modapi::Response> (*)(const RoutedRequest&, Needed&...)>(function);
        return typed(request, *static_cast<Needed*>(services[index])...);
    }

    Function function_ = nullptr;
    Call call_ = nullptr;
    std::vector<ServiceKind> needs_;
};

}  // namespace homeserver
