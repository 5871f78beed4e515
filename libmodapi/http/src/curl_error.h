#pragma once

#include <boost/system/error_code.hpp>

#include <curl/curl.h>

namespace modapi {

/// What libcurl says of a transfer, as an error code with libcurl's own words.
[[nodiscard]] boost::system::error_code curl_error(CURLcode code) noexcept;

}  // namespace modapi
