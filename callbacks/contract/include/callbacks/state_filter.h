#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace callbacks {

/// Which state events are wanted: those of a type, with one state key or with any (contract: the pairs of `event_filter`).
class StateFilterEntry {
public:
    explicit StateFilterEntry(std::string event_type) : type(std::move(event_type)) {}
    StateFilterEntry(std::string event_type, std::optional<std::string> event_state_key)
        : type(std::move(event_type)), state_key(std::move(event_state_key)) {}

    std::string type;
    std::optional<std::string> state_key;  ///< none: any
};

/// An event that matches any entry is wanted. What an empty filter means is said where one is taken.
using StateFilter = std::vector<StateFilterEntry>;

}  // namespace callbacks
