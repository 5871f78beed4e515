#include "curl_error.h"

#include <string>
#include <system_error>

namespace modapi {

namespace {

class CurlCategory final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "curl"; }
    [[nodiscard]] std::string message(int code) const override { return curl_easy_strerror(static_cast<CURLcode>(code)); }
};

}  // namespace

boost::system::error_code curl_error(CURLcode code) noexcept {
    static const CurlCategory category;
    return std::error_code(static_cast<int>(code), category);
}

}  // namespace modapi
