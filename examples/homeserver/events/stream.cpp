#include "events/stream.h"

namespace homeserver {

namespace {

constexpr const char* read_counter = "SELECT position FROM stream_position";

}  // namespace

std::int64_t current_stream_position(modapi::Transaction& transaction) {
    const auto row = transaction.query_one<std::int64_t>(read_counter);
    return std::get<0>(row.value());
}

std::int64_t next_stream_position(modapi::Transaction& transaction) {
    // The update comes first: where transactions run side by side it locks the row until the commit.
    const auto row =
        transaction.query_one<std::int64_t>("UPDATE stream_position SET position = position + 1 RETURNING position");
    return std::get<0>(row.value());
}

LaterStreamPosition::LaterStreamPosition(modapi::Transaction& transaction)
    : transaction_(transaction), counter_(transaction.query_later<std::int64_t>(read_counter)) {}

std::int64_t LaterStreamPosition::draw() {
    const auto row = counter_.take_one();
    transaction_.execute_later("UPDATE stream_position SET position = position + 1");
    return std::get<0>(row.value()) + 1;
}

}  // namespace homeserver
