#include "bus_packet.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace modapi {

namespace {

constexpr std::string_view packet_mark = "mb1";
constexpr std::size_t packet_head = packet_mark.size() + std::tuple_size_v<BusNumber> + 1;
constexpr std::size_t message_head = 3;

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

void append_message(std::string& bytes, const BusMessage& message) {
    bytes += static_cast<char>(message.topic.size());
    bytes += static_cast<char>(message.text.size() >> 8U);
    bytes += static_cast<char>(message.text.size() & 0xffU);
    bytes.append(message.topic).append(message.text);
}

}  // namespace

BusNumber next_bus_number() {
    std::random_device random;
    BusNumber number;
    for (std::size_t at = 0; at < number.size(); at += sizeof(unsigned)) {
        const unsigned part = random();
        std::memcpy(number.data() + at, &part, sizeof part);
    }
    return number;
}

std::vector<std::string> write_packets(const BusPacket& packet, std::size_t longest) {
    std::string head(packet_mark);
    head.append(packet.sender.begin(), packet.sender.end());
    std::vector<std::string> written(1, head + (packet.after_gap ? '\1' : '\0'));
    for (const BusMessage& message : packet.messages) {
        if (written.back().size() + message_head + message.topic.size() + message.text.size() > longest)
            written.push_back(head + '\0');
        append_message(written.back(), message);
    }
    return written;
}

std::optional<BusPacket> read_packet(std::string_view bytes) {
    if (bytes.size() < packet_head || !bytes.starts_with(packet_mark) || byte_at(bytes, packet_head - 1) > 1)
        return std::nullopt;
    BusPacket packet;
    std::copy_n(bytes.begin() + packet_mark.size(), packet.sender.size(), packet.sender.begin());
    packet.after_gap = byte_at(bytes, packet_head - 1) == 1;
    bytes.remove_prefix(packet_head);
    while (!bytes.empty()) {
        if (bytes.size() < message_head) return std::nullopt;
        const std::size_t topic = byte_at(bytes, 0);
        const std::size_t text = (byte_at(bytes, 1) << 8U) + byte_at(bytes, 2);
        bytes.remove_prefix(message_head);
        if (topic > BusMessage::longest_topic || text > BusMessage::longest_text || bytes.size() < topic + text)
            return std::nullopt;
        BusMessage& message = packet.messages.emplace_back();
        message.topic = bytes.substr(0, topic);
        message.text = bytes.substr(topic, text);
        bytes.remove_prefix(topic + text);
    }
    return packet;
}

}  // namespace modapi
