#pragma once

#include <modapi/web_resource.h>

#include <filesystem>
#include <functional>
#include <memory>
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
    /// `answered` is told of each response that is no failure. `begun` is told of the path of each request, which is under way
    /// as long as what it gives is kept. `entry` is whose resource it is, by the name that the process has for that.
    explicit PythonWebResource(std::function<std::optional<std::filesystem::path>()> directory,
                               std::function<void()> answered = {},
                               std::function<std::shared_ptr<const void>(const std::string& path)> begun = {},
                               std::string entry = {});
    [[nodiscard]] async::task<Response> handle(const Request& request) override;

private:
    std::function<std::optional<std::filesystem::path>()> directory_;
    std::function<void()> answered_;
    std::function<std::shared_ptr<const void>(const std::string& path)> begun_;
    std::string entry_;
};

}  // namespace modapi
