#pragma once

#include "url.h"

#include <modapi/http_transport.h>

#include <async/task.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <vector>

namespace modapi {

/// The addresses of the URL's host. Cancel: at once; the lookup itself ends by itself.
[[nodiscard]] async::task<std::vector<boost::asio::ip::tcp::endpoint>> look_up(const HttpUrl& url);

/// Sends one request over a connection of its own to one of `endpoints`, the first that can be reached, and to nothing else.
///
/// `tls` is used for a secure URL: the certificate must be valid for the URL's host. References outlive the task.
/// Errors: boost::system::system_error, HttpFormatError for an answer that is larger than `largest_body`. Cancel: cuts it.
[[nodiscard]] async::task<HttpAnswer> exchange(const HttpUrl& url, const std::vector<boost::asio::ip::tcp::endpoint>& endpoints,
                                               const HttpRequest& request, std::size_t largest_body,
                                               boost::asio::ssl::context* tls);

}  // namespace modapi
