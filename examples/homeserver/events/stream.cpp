#include "events/stream.h"

namespace homeserver {

std::int64_t current_stream_position(modapi::Transaction& transaction) {
    return std::get<0>(current_stream_position_later(transaction).take_one().value());
}

modapi::LaterRows<std::int64_t> current_stream_position_later(modapi::Transaction& transaction) {
    return transaction.query_later<std::int64_t>("SELECT position FROM stream_position");
}

std::int64_t next_stream_position(modapi::Transaction& transaction) {
    // The update comes first: where transactions run side by side it locks the row until the commit.
    const auto row =
        transaction.query_one<std::int64_t>("UPDATE stream_position SET position = position + 1 RETURNING position");
    return std::get<0>(row.value());
}

LaterStreamPosition::LaterStreamPosition(modapi::Transaction& transaction)
    : transaction_(transaction), counter_(current_stream_position_later(transaction)) {}

std::int64_t LaterStreamPosition::draw() {
    const auto row = counter_.take_one();
    transaction_.execute_later("UPDATE stream_position SET position = position + 1");
    return std::get<0>(row.value()) + 1;
}

}  // namespace homeserver
