#include <modapi/web_resource.h>

#include "failure_log.h"
#include "method_refusal.h"

#include <async/cancellation.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace modapi {

namespace {

using callbacks::SynapseError;

Response page(int status, std::string_view text) {
    Response response;
    response.status = status;
    const std::string code = std::to_string(status);
    response.body = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Error " + code +
                    "</title></head><body><h1>Error " + code + "</h1><p>" + escaped_html(text) + "</p></body></html>";
    return response;
}

bool has_header(const Response& response, std::string_view lower_case_name) {
    return std::any_of(response.headers.begin(), response.headers.end(), [&](const auto& header) {
        std::string name = header.first;
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        return name == lower_case_name;
    });
}

/// What a page says of itself stays, beside what every page says.
void add_page_headers(Response& response) {
    if (!has_header(response, "content-type")) response.headers.emplace_back("Content-Type", "text/html; charset=utf-8");
    const std::pair<std::string, std::string> against_framing[] = {{"X-Frame-Options", "DENY"},
                                                                   {"Content-Security-Policy", "frame-ancestors 'none';"}};
    for (const auto& header : against_framing) {
        if (std::find(response.headers.begin(), response.headers.end(), header) == response.headers.end())
            response.headers.push_back(header);
    }
}

}  // namespace

std::string escaped_html(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            case '\'':
                safe += "&#39;";
                break;
            default:
                safe += c;
        }
    }
    return safe;
}

Response html_response(int status, std::string html) {
    Response response;
    response.status = status;
    response.body = std::move(html);
    add_page_headers(response);
    return response;
}

async::task<Response> DirectServeHtmlResource::handle(const Request& request) {
    const async::context& here = co_await async::this_context;
    // The host leaves the body of an answer to HEAD out, and tells its length.
    const bool is_get = request.method == "GET" || request.method == "HEAD";
    Response response;
    try {
        async::task<Response> rendering = [&] {
            if (is_get) return async_render_GET(request);
            if (request.method == "POST") return async_render_POST(request);
            refuse_method();
        }();
        response = co_await std::move(rendering);
    } catch (const SynapseError& error) {
        response = page(error.status(), error.what());
        response.headers.insert(response.headers.end(), error.headers().begin(), error.headers().end());
    } catch (const async::operation_cancelled&) {
        throw;
    } catch (...) {
        if (here.cancel_requested() == async::cancel_reason::deadline) throw;  // of whoever asks, who says so
        log_resource_failure(here, request, std::current_exception());
        response = page(500, "Internal server error");
    }
    add_page_headers(response);
    co_return response;
}

async::task<Response> DirectServeHtmlResource::async_render_GET(const Request&) { refuse_method(); }
async::task<Response> DirectServeHtmlResource::async_render_POST(const Request&) { refuse_method(); }

}  // namespace modapi
