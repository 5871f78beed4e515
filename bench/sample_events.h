#pragma once

#include <homeserver/rooms/client_event_text.h>

#include <callbacks/client_event.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// What a client is sent: events of about 600 bytes, as a busy room has them.
class SampleEvents {
public:
    explicit SampleEvents(std::size_t count) {
        for (std::size_t index = 0; index < count; ++index) {
            callbacks::EventFields fields;
            fields.event_id = "$q1W3e5R7t9Z0u2I4o6P8a1S3d5F7g9H0j2K4l6-" + std::to_string(index);
            fields.room_id = "!QtykxKocfZaZOUrTwp:example.org";
            fields.type = "m.room.message";
            fields.sender = "@alice:example.org";
            fields.origin_server_ts = 1'700'000'000'000 + static_cast<std::int64_t>(index);
            fields.content["msgtype"] = "m.text";
            fields.content["body"] =
                "The quick brown fox jumps over the lazy dog, again and again, until somebody tells it to stop.";
            fields.content["format"] = "org.matrix.custom.html";
            fields.content["formatted_body"] =
                "<p>The <b>quick</b> brown fox jumps over the <i>lazy</i> dog, again and again, until somebody tells it to "
                "stop.</p>";
            const callbacks::Event event(std::move(fields));
            events_.push_back(std::make_unique<callbacks::ClientEvent>(event, homeserver::client_event_text(event)));
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
    [[nodiscard]] const callbacks::ClientEvent& operator[](std::size_t index) const noexcept {
        return *events_[index % events_.size()];
    }
    /// A response of `count` events.
    [[nodiscard]] std::vector<callbacks::OutgoingEvent> response(std::size_t count) const {
        std::vector<callbacks::OutgoingEvent> outgoing(count);
        for (std::size_t index = 0; index < count; ++index) {
            outgoing[index].event = &(*this)[index];
            outgoing[index].before = index == 0 ? "[" : ",";
            outgoing[index].number = age_of(index);
        }
        return outgoing;
    }
    [[nodiscard]] static std::int64_t age_of(std::size_t index) noexcept {
        return 12'345'678 + static_cast<std::int64_t>(index);
    }

private:
    std::vector<std::unique_ptr<callbacks::ClientEvent>> events_;
};

/// Events of a response; more would not fit into the first-level cache together with the bytes that are written.
inline constexpr std::size_t distinct_events = 8;
inline constexpr std::size_t events_per_response = 100;

/// The names of the two fields that module number `Module` adds.
template <std::size_t Module>
struct FieldNames {
    static_assert(Module < 10);
    static constexpr char kind[] = {'o', 'r', 'g', '.', 'e', 'x', 'a', 'm', 'p',
                                    'l', 'e', '.', 'k', 'i', 'n', 'd', '.', static_cast<char>('0' + Module),
                                    0};
    static constexpr char sender[] = {'o', 'r', 'g', '.', 'e', 'x', 'a', 'm', 'p', 'l',
                                      'e', '.', 's', 'e', 'n', 'd', 'e', 'r', '.', static_cast<char>('0' + Module),
                                      0};
};

}  // namespace bench
