#include "http/request_handling.h"

#include "http/matrix_error.h"
#include "http/target.h"
#include "text/utf8.h"

#include <modapi/hosting/cause.h>
#include <modapi/hosting/named_decision.h>

#include <callbacks/errors.h>

#include <async/cancellation.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;

modapi::Response answer_to_options() {
    modapi::Response response = modapi::json_response(204, callbacks::JsonDict());
    response.body.clear();
    std::erase_if(response.headers, [](const auto& header) { return header.first == "Content-Type"; });
    return response;
}

void require_text(const modapi::Request& request, const std::vector<std::string>& parameters) {
    const bool path_is_text =
        std::all_of(parameters.begin(), parameters.end(), [](const std::string& part) { return is_storable_text(part); });
    const bool query_is_text = std::all_of(request.query.begin(), request.query.end(), [](const auto& argument) {
        return is_storable_text(argument.first) && is_storable_text(argument.second);
    });
    if (!path_is_text || !query_is_text) throw SynapseError(400, "Path and query must be UTF-8 text", Codes::INVALID_PARAM);
}

/// As modapi::name_decision.
void name_decision(modapi::Response& response, const modapi::TracedWork& work, const modapi::ModuleHost* modules) {
    modapi::Decisions* const decisions = modules != nullptr ? modules->settings().decisions : nullptr;
    if (decisions != nullptr) modapi::name_decision(response, work, *decisions);
}

async::task<modapi::Response> run_endpoint(const BoundEndpoints& endpoints, const Router::Match& match,
                                           const RoutedRequest& request) {
    require_text(request.http, request.path_parameters);
    modapi::Response response = co_await endpoints.answer(match, request);
    co_return response;
}

}  // namespace

async::task<modapi::Response> handle_request(const BoundEndpoints& endpoints, modapi::ModuleHost* modules,
                                             ArrivedRequest& arrived, async::cancellation_source& waits,
                                             RequestSummary& summary) {
    const async::context& here = co_await async::this_context;
    const modapi::Request& request = arrived.http;
    const std::string_view raw_path = arrived.raw_path;
    Router::Match& match = arrived.match;
    if (match.endpoint != nullptr) summary.endpoint = &endpoints.router().endpoints()[match.index];
    RoutedRequest routed(request, std::move(match.parameters));
    routed.waits = &waits;
    routed.incoming_body = arrived.body;
    modapi::Cause cause;
    cause.request = summary.trace;
    const modapi::CausedWork request_work(here, std::move(cause));  // what modules do because of it has one budget
    std::exception_ptr failure;
    try {
        if (match.endpoint != nullptr) {
            async::task<modapi::Response> answering = run_endpoint(endpoints, match, routed);
            modapi::Response response = co_await std::move(answering).in(request_work.here());
            summary.user = std::move(routed.authenticated_user);
            name_decision(response, request_work, modules);
            arrived.answered_with = std::move(routed.outgoing_body);
            co_return response;
        }
        if (!match.path_exists && modules != nullptr) {
            summary.module = modules->web_resources().owner(request.path);
            // As on the contract's server: nobody waits for a page when its client has closed its side.
            async::context of_page = request_work.here();
            of_page.cancellation = &waits;
            async::task<std::optional<modapi::Response>> serving = modules->serve(request);
            std::optional<modapi::Response> response = co_await std::move(serving).in(of_page);
            if (response) {
                name_decision(*response, request_work, modules);
                co_return std::move(*response);
            }
        }
    } catch (const async::operation_cancelled&) {
        failure = std::current_exception();
        const bool is_page_of_nobody = !summary.module.empty() && waits.requested() != async::cancel_reason::none;
        if (is_page_of_nobody || here.cancel_requested() != async::cancel_reason::none) {
            summary.user = std::move(routed.authenticated_user);
            throw;
        }
        // A module cancelled work of its own and let that escape: somebody waits for an answer all the same.
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        summary.user = std::move(routed.authenticated_user);
        if (!callbacks::is_synapse_error(failure)) {
            spdlog::error("request failed: method={} path={} error={}{}", request.method, printable(raw_path),
                          callbacks::message_of(failure), modapi::request_in_log(summary.trace.get()));
        }
        modapi::Response response = modapi::error_response(failure);
        name_decision(response, request_work, modules);
        co_return response;
    }
    if (request.method == "OPTIONS") co_return answer_to_options();
    co_return matrix_error(match.path_exists ? 405 : 404, "Unrecognized request", Codes::UNRECOGNIZED);
}

}  // namespace homeserver
