#pragma once

#include <callbacks/json.h>
#include <callbacks/json_place.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace callbacks {

/// The parts of an event, for the host that builds one. What has no member of its own (`depth`, `hashes`, ...) is in `other`.
struct EventFields {
    std::optional<std::string> event_id;  ///< none while the event isn't built yet
    std::string room_id;
    std::string type;
    std::string sender;
    std::optional<std::string> state_key;  ///< present: a state event
    JsonDict content;
    std::int64_t origin_server_ts = 0;  ///< milliseconds since 1970
    std::optional<std::string> redacts;
    JsonDict unsigned_fields;
    JsonDict other;
};

/// A room event: immutable, shared, cheap to copy (contract: `EventBase`).
///
/// Lifetime: references from the accessors are valid as long as any copy of the event. Thread: may be shared between workers.
class Event {
public:
    explicit Event(EventFields fields) : fields_(std::make_shared<const EventFields>(std::move(fields))) {}

    [[nodiscard]] const std::optional<std::string>& event_id() const noexcept { return fields_->event_id; }
    [[nodiscard]] const std::string& room_id() const noexcept { return fields_->room_id; }
    [[nodiscard]] const std::string& type() const noexcept { return fields_->type; }
    [[nodiscard]] const std::string& sender() const noexcept { return fields_->sender; }
    [[nodiscard]] const std::optional<std::string>& state_key() const noexcept { return fields_->state_key; }
    [[nodiscard]] bool is_state() const noexcept { return fields_->state_key.has_value(); }
    [[nodiscard]] const JsonDict& content() const noexcept { return fields_->content; }
    /// Milliseconds since 1970, as the sending server claims.
    [[nodiscard]] std::int64_t origin_server_ts() const noexcept { return fields_->origin_server_ts; }
    [[nodiscard]] const std::optional<std::string>& redacts() const noexcept { return fields_->redacts; }
    [[nodiscard]] const JsonDict& unsigned_fields() const noexcept { return fields_->unsigned_fields; }
    [[nodiscard]] const JsonDict& other() const noexcept { return fields_->other; }

    /// A string from the content; none if it isn't there or is no string. `event.content_string("body")`.
    [[nodiscard]] std::optional<std::string_view> content_string(std::string_view key) const noexcept;
    /// The place in the content that the keys lead to: `event.content_at("m.relates_to", "event_id").text()`.
    template <class... Keys>
    [[nodiscard]] JsonPlace content_at(std::string_view first, const Keys&... further) const noexcept {
        return place_in(content(), first, further...);
    }
    /// The `membership` of a member event, else none.
    [[nodiscard]] std::optional<std::string_view> membership() const noexcept;

    /// The whole event as a JSON object of its own, to change and return (contract: `get_dict()`). Cost: a deep copy.
    [[nodiscard]] JsonDict get_dict() const;

private:
    std::shared_ptr<const EventFields> fields_;
};

/// A room's state: from (event type, state key) to the event (contract: `StateMap`). Copies share nothing but the events.
class StateMap {
public:
    using Key = std::pair<std::string, std::string>;

    /// The state event of that type and key; null if there is none. Valid until the map is changed or destroyed.
    [[nodiscard]] const Event* find(std::string_view type, std::string_view state_key = {}) const;
    /// Puts `event`, a state event, in its place. Errors: NotAStateEvent for one without state key; nothing changes then.
    void set(Event event);

    [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
    [[nodiscard]] auto begin() const noexcept { return events_.begin(); }
    [[nodiscard]] auto end() const noexcept { return events_.end(); }

private:
    struct Less {
        using is_transparent = void;
        using View = std::pair<std::string_view, std::string_view>;
        template <class Left, class Right>
        bool operator()(const Left& left, const Right& right) const noexcept {
            return View(left.first, left.second) < View(right.first, right.second);
        }
    };
    std::map<Key, Event, Less> events_;
};

}  // namespace callbacks
