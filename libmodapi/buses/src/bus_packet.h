#pragma once

#include <modapi/hosting/bus.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// Tells the buses on a server apart: random, so that no two are the same.
using BusNumber = std::array<char, 16>;
[[nodiscard]] BusNumber next_bus_number();

/// What goes over a server in one piece.
///
/// Its bytes: `mb1`, the sender's number, a byte that is 1 if messages were lost; then for each message the length of its topic
/// (one byte), that of its text (two, the greater first), topic and text.
struct BusPacket {
    BusNumber sender = {};
    bool after_gap = false;  ///< messages of the sender were lost before these
    std::vector<BusMessage> messages;
};

/// The bytes of as many packets as are needed, none of them longer than `longest`; at least one. The messages are in their
/// order. `longest` is large enough for one message of the greatest length.
[[nodiscard]] std::vector<std::string> write_packets(const BusPacket& packet, std::size_t longest);

/// None: it wasn't a bus that sent this.
[[nodiscard]] std::optional<BusPacket> read_packet(std::string_view bytes);

}  // namespace modapi
