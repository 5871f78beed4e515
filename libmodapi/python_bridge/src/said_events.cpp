#include "said_events.h"

#include "python_connection.h"

#include <async/sleep.h>

#include <chrono>
#include <stdexcept>
#include <utility>

namespace modapi {

SaidEvents events_of(const callbacks::StateMap& state) {
    SaidEvents said;
    said.details.room_version = room_version_of(state);
    said.events.reserve(state.size());
    for (const auto& entry : state) said.events.push_back(entry.second);
    return said;
}

async::task<std::string> written_in_slices(SaidEvents said) {
    constexpr auto slice = std::chrono::milliseconds(1);
    constexpr std::size_t events_between_looks = 8;
    const auto opened = [](std::string_view tag) { return tag.empty() ? std::string() : "{\"" + std::string(tag) + "\":"; };
    const std::string before_each = opened(said.tag_of_each);
    std::string text = opened(said.tag) + "[";
    auto slice_began = std::chrono::steady_clock::now();
    for (std::size_t at = 0; at < said.events.size(); ++at) {
        if (at % events_between_looks == events_between_looks - 1 && std::chrono::steady_clock::now() - slice_began > slice) {
            co_await async::reschedule();
            slice_began = std::chrono::steady_clock::now();
        }
        // Moved: what nobody else has ends with it, and not all at once in the end.
        const callbacks::Event event = std::move(said.events[at]);
        if (at > 0) text += ',';
        text += before_each;
        text += boost::json::serialize(held_event(event, said.details));
        if (!before_each.empty()) text += '}';
        if (text.size() > PythonConnection::frame_limit) {
            throw std::length_error("what the module is to be told has more than the " +
                                    std::to_string(PythonConnection::frame_limit) + " bytes that a message has at most");
        }
    }
    text += said.tag.empty() ? "]" : "]}";
    co_return text;
}

}  // namespace modapi
