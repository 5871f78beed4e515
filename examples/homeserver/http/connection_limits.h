#pragma once

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <tuple>

/// What the sources of a connection have together. Nobody else needs it.
namespace homeserver {

/// What a read or a write comes to: an error is a value here.
using Transferred = std::tuple<boost::system::error_code, std::size_t>;

inline constexpr std::size_t read_size = 8 * 1024;
inline constexpr auto max_request = std::chrono::seconds(30);    ///< for a request to arrive, or a part of its body
inline constexpr auto max_response = std::chrono::seconds(120);  ///< for an answer to be taken, or a part of its body

}  // namespace homeserver
