#include <modapi/web_resource.h>

#include "failure_log.h"
#include "method_refusal.h"

#include <async/cancellation.h>

#include <callbacks/storable_json.h>

#include <boost/json/serialize.hpp>

#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using callbacks::SynapseError;

void allow_any_origin(Response& response) {
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    response.headers.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    response.headers.emplace_back("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization, Date");
    response.headers.emplace_back("Access-Control-Expose-Headers", "X-Modapi-Decision, Retry-After");
}

}  // namespace

Response json_response(int status, const callbacks::JsonValue& body) {
    Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.headers.emplace_back("Cache-Control", "no-cache, no-store, must-revalidate");
    allow_any_origin(response);
    response.body = boost::json::serialize(body);
    return response;
}

Response error_response(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const SynapseError& error) {
        Response response = json_response(error.status(), error.body());
        response.headers.insert(response.headers.end(), error.headers().begin(), error.headers().end());
        return response;
    } catch (...) {
        const SynapseError internal(500, "Internal server error");
        return json_response(internal.status(), internal.body());
    }
}

async::task<Response> DirectServeJsonResource::handle(const Request& request) {
    const async::context& here = co_await async::this_context;
    if (request.method == "OPTIONS") {
        Response response;
        response.status = 204;
        allow_any_origin(response);
        co_return response;
    }
    // The host leaves the body of an answer to HEAD out, and tells its length.
    const bool is_get = request.method == "GET" || request.method == "HEAD";
    std::exception_ptr failure;
    Response response;
    try {
        async::task<JsonResponse> rendering = [&] {
            if (is_get) return async_render_GET(request);
            if (request.method == "POST") return async_render_POST(request);
            if (request.method == "PUT") return async_render_PUT(request);
            if (request.method == "DELETE") return async_render_DELETE(request);
            refuse_method();
        }();
        JsonResponse answer = co_await std::move(rendering);
        if (const char* const why = callbacks::unreadable_because(answer.body)) {
            callbacks::dismantle(std::move(answer.body));
            throw std::runtime_error(std::string("the answer can't be sent: ") + why);
        }
        response = json_response(answer.status, answer.body);
    } catch (const SynapseError&) {
        failure = std::current_exception();
    } catch (const async::operation_cancelled&) {
        throw;
    } catch (...) {
        if (here.cancel_requested() == async::cancel_reason::deadline) throw;  // of whoever asks, who says so
        failure = std::current_exception();
        log_resource_failure(here, request, failure);
    }
    if (failure) response = error_response(failure);
    co_return response;
}

async::task<JsonResponse> DirectServeJsonResource::async_render_GET(const Request&) { refuse_method(); }
async::task<JsonResponse> DirectServeJsonResource::async_render_POST(const Request&) { refuse_method(); }
async::task<JsonResponse> DirectServeJsonResource::async_render_PUT(const Request&) { refuse_method(); }
async::task<JsonResponse> DirectServeJsonResource::async_render_DELETE(const Request&) { refuse_method(); }

}  // namespace modapi
