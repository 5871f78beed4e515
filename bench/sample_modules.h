#pragma once

#include <callbacks/unsigned.h>

#include <cstddef>

namespace bench {

using ReadyModule = decltype(callbacks::Unsigned::add_field_to_unsigned_callback);

/// Module `number`, below 8: two fields of every event, written by a coroutine that never waits.
[[nodiscard]] ReadyModule ready_module(std::size_t number);

}  // namespace bench
