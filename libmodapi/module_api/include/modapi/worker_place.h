#pragma once

#include <cstddef>

namespace modapi {

/// Which of a host's workers.
struct WorkerPlace {
    std::size_t index = 0;  ///< 0: the main worker
    std::size_t count = 1;  ///< of all workers
};

}  // namespace modapi
