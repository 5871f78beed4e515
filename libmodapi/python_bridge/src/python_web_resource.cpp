#include "python_web_resource.h"

#include "owned_descriptor.h"

#include <modapi/hosting/log.h>
#include <modapi/request_target.h>

#include <async/use_task.h>

#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstdint>
#include <exception>
#include <utility>

namespace modapi {

namespace {

namespace http = boost::beast::http;
using boost::asio::local::stream_protocol;
using callbacks::SynapseError;

constexpr std::uint32_t longest_head = 64 * 1024;
constexpr const char* retry_after_seconds = "1";

bool is_same_name(std::string_view one, std::string_view other) noexcept {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](unsigned char left, unsigned char right) { return std::tolower(left) == std::tolower(right); });
}

/// Of one connection, or of who answers: each side makes its own.
bool is_of_connection(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 11> names = {
        "connection", "keep-alive", "proxy-authenticate", "proxy-connection",   "te", "trailer", "transfer-encoding",
        "upgrade",    "expect",     "content-length",     "proxy-authorization"};
    return std::any_of(names.begin(), names.end(), [&](std::string_view each) { return is_same_name(each, name); });
}

/// Headers of the host's own: what a client says in them isn't so.
bool is_of_host(std::string_view name) noexcept {
    constexpr std::string_view prefix = "x-modapi-";
    return is_same_name(name.substr(0, prefix.size()), prefix);
}

/// Nothing in it begins another line.
bool is_one_line(std::string_view text) noexcept {
    return std::none_of(text.begin(), text.end(),
                        [](char letter) { return letter == '\r' || letter == '\n' || letter == '\0'; });
}

/// Without the server, where the client has named that too.
std::string path_and_query(const std::string& target) {
    if (target.starts_with('/') || target == "*") return target;
    const std::size_t scheme = target.find("://");
    const std::size_t path = scheme == std::string::npos ? std::string::npos : target.find('/', scheme + 3);
    return path == std::string::npos ? "/" : target.substr(path);
}

http::request<http::string_body> forwarded(const Request& request, const std::string& entry) {
    static std::atomic<std::uint64_t> requests{0};
    http::request<http::string_body> made;
    made.version(11);
    made.method_string(request.method);
    made.target(path_and_query(request.target));
    for (const auto& [name, value] : request.headers)
        if (!is_of_connection(name) && !is_of_host(name) && is_one_line(name) && is_one_line(value)) made.insert(name, value);
    made.set(http::field::connection, "close");
    if (is_one_line(request.client_address)) made.set("X-Modapi-Client", request.client_address);
    if (!entry.empty() && is_one_line(entry)) made.set("X-Modapi-Entry", entry);
    made.set("X-Modapi-Call", "request " + std::to_string(++requests));
    made.body() = request.body;
    made.prepare_payload();
    return made;
}

Response failed(const Request& request, int status, const std::string& text) {
    // As it was sent: in what is decoded a line can end.
    framework_log().warn("{} of {}, whose resource is in Python: {}", status, split_target(request.target).path, text);
    const SynapseError error(status,
                             status == 503 ? "This page's module is being started" : "This page's module gave no response");
    Response response = json_response(status, error.body());
    if (status == 503) response.headers.emplace_back("Retry-After", retry_after_seconds);
    return response;
}

Response received(http::response<http::string_body> answer) {
    Response response;
    response.status = static_cast<int>(answer.result_int());
    for (const auto& field : answer) {
        const std::string_view name(field.name_string().data(), field.name_string().size());
        if (is_of_connection(name) || is_same_name(name, "server") || is_same_name(name, "date")) continue;
        response.headers.emplace_back(std::string(name), std::string(field.value().data(), field.value().size()));
    }
    response.body = std::move(answer.body());
    return response;
}

/// It ended, or wasn't there: no response of its own.
bool is_gone(const boost::system::error_code& error) noexcept {
    return error == http::error::end_of_stream || error == http::error::partial_message ||
           error.category() == boost::system::system_category();
}

async::task<Response> exchanged(const Request& request, std::filesystem::path socket_path, const std::string& entry) {
    const async::context& here = co_await async::this_context;
    stream_protocol::socket socket(here.executor());
    // What lies there is the process's affair: a link would lead this server to sockets that only it may open.
    const OwnedDescriptor file(::open(socket_path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat found {};
    if (file.get() < 0 || ::fstat(file.get(), &found) != 0 || !S_ISSOCK(found.st_mode))
        throw boost::system::system_error(boost::system::error_code(ENOENT, boost::system::system_category()));
    const stream_protocol::endpoint endpoint("/proc/self/fd/" + std::to_string(file.get()));
    auto connecting = socket.async_connect(endpoint, async::use_task);
    co_await std::move(connecting);
    http::request<http::string_body> question = forwarded(request, entry);
    http::response_parser<http::string_body> parser;
    parser.body_limit(PythonWebResource::largest_response);
    parser.header_limit(longest_head);
    parser.skip(request.method == "HEAD");
    boost::beast::flat_buffer buffer;
    // Who has answered before it has read everything has answered: what writing failed with says less than reading does.
    auto writing = http::async_write(socket, question, boost::asio::as_tuple(async::use_task));
    co_await std::move(writing);
    auto reading = http::async_read(socket, buffer, parser, async::use_task);
    co_await std::move(reading);
    co_return received(parser.release());
}

}  // namespace

PythonWebResource::PythonWebResource(std::function<std::optional<std::filesystem::path>()> directory,
                                     std::function<void()> answered,
                                     std::function<std::shared_ptr<const void>(const std::string& path)> begun,
                                     std::string entry)
    : directory_(std::move(directory)),
      answered_(std::move(answered)),
      begun_(std::move(begun)),
      entry_(std::move(entry)) {}

async::task<Response> PythonWebResource::handle(const Request& request) {
    const std::optional<std::filesystem::path> directory = directory_();
    if (!directory) co_return failed(request, 503, "there is no process now");
    std::shared_ptr<const void> under_way;
    if (begun_) under_way = begun_(request.path);
    boost::system::error_code failure;
    try {
        async::task<Response> exchanging = exchanged(request, *directory / "web.sock", entry_);
        Response response = co_await std::move(exchanging);
        if (answered_ && response.status < 500) answered_();
        co_return response;
    } catch (const boost::system::system_error& error) {
        failure = error.code();
    }
    co_return failed(request, is_gone(failure) ? 503 : 502, failure.message());
}

}  // namespace modapi
