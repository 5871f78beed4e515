#pragma once

#include <cstddef>

namespace bench {

/// Calls of operator new in this process so far.
[[nodiscard]] std::size_t allocation_count() noexcept;

}  // namespace bench
