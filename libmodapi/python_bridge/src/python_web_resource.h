#pragma once

#include <modapi/web_resource.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace modapi {

/// A web resource of a module, served by its process: each request is forwarded to `web.sock` of its private directory.
///
/// Answers 503 `M_UNKNOWN` with Retry-After while there is no process, and when it ends before it has answered; 502 for what is
/// no HTTP response, or one beyond `largest_response`.
class PythonWebResource final : public WebResource {
public:
    static constexpr std::size_t largest_response = 32UL * 1024 * 1024;

    /// `directory` gives that of the process that runs now; none: there is none.
    /// `answered` is told of each response that is no failure.
    explicit PythonWebResource(std::function<std::optional<std::filesystem::path>()> directory, std::function<void()> answered = {});
    [[nodiscard]] async::task<Response> handle(const Request& request) override;

private:
    std::function<std::optional<std::filesystem::path>()> directory_;
    std::function<void()> answered_;
};

}  // namespace modapi
