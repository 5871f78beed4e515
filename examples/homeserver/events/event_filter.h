#pragma once

#include "events/room_store.h"

#include <modapi/glob.h>

#include <callbacks/event.h>
#include <callbacks/json.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeserver {

/// Errors: SynapseError 400 `M_BAD_JSON` for a wrong member of a filter.
[[noreturn]] void refuse_filter(std::string_view key);
/// Likewise, with what is wrong with it.
[[noreturn]] void refuse_filter(std::string_view key, std::string_view reason);
/// Errors: SynapseError 400 `M_TOO_LARGE` for a filter of more than 64 KiB.
void require_filter_size(std::size_t bytes);

inline constexpr std::size_t max_filter_patterns = 100;  ///< in one list of types
inline constexpr std::size_t max_filter_names = 1000;    ///< in one list of users, rooms or fields
inline constexpr std::size_t max_filter_name = 255;      ///< in bytes: no longer than an event's type or sender is

/// A member of a filter that lists names; none if it isn't there. Errors: those of refuse_filter.
[[nodiscard]] std::optional<std::vector<std::string>> filter_names(const callbacks::JsonDict& filter, std::string_view key);

/// Which events of one kind a client wants (specification, "Filtering").
class EventFilter {
public:
    EventFilter() = default;
    /// Reads `types`, `not_types`, `senders`, `not_senders`, `rooms`, `not_rooms`, `contains_url`, `limit`. Errors:
    /// SynapseError 400 `M_BAD_JSON`.
    explicit EventFilter(const callbacks::JsonDict& filter);

    [[nodiscard]] bool wants(std::string_view type, std::string_view sender) const;
    [[nodiscard]] bool wants_room(std::string_view room_id) const;
    [[nodiscard]] bool wants(const callbacks::Event& event) const;
    /// Whether there is anything that it doesn't want.
    [[nodiscard]] bool restricts() const noexcept;
    /// Removes what isn't wanted.
    void restrict(std::vector<StoredEvent>& events) const;
    [[nodiscard]] std::int64_t limit() const noexcept { return limit_; }

private:
    using Names = std::vector<std::string>;
    std::optional<std::vector<modapi::Glob>> types_;
    std::vector<modapi::Glob> not_types_;
    std::optional<Names> senders_;
    Names not_senders_;
    std::optional<Names> rooms_;
    Names not_rooms_;
    std::optional<bool> contains_url_;
    std::int64_t limit_ = 10;
};

/// A filter that is given in a query. Errors: SynapseError 400 `M_NOT_JSON`; those of require_filter_size.
[[nodiscard]] callbacks::JsonDict filter_from_text(const std::string& text);

}  // namespace homeserver
