#include "events/stream.h"

namespace homeserver {

std::int64_t current_stream_position(modapi::Transaction& transaction) {
    const auto row = transaction.query_one<std::int64_t>("SELECT position FROM stream_position");
    return std::get<0>(row.value());
}

std::int64_t next_stream_position(modapi::Transaction& transaction) {
    // The update comes first: where transactions run side by side it locks the row until the commit.
    const auto row =
        transaction.query_one<std::int64_t>("UPDATE stream_position SET position = position + 1 RETURNING position");
    return std::get<0>(row.value());
}

}  // namespace homeserver
