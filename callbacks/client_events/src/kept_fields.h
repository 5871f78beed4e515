#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace callbacks::detail {

/// What one hook wrote for one event: the fields as they stand in its `unsigned`, each with its comma.
struct KeptPiece {
    struct Field {
        std::uint32_t hash;  // of the key
        std::uint32_t end;   // after the comma
    };

    bool is_there = false;
    std::uint64_t forgotten = 0;  // how often all of the hook was forgotten when it was asked
    std::string text;
    std::vector<Field> fields;
};

/// What all hooks wrote for one event that are remembered.
struct KeptFields {
    std::uint64_t event = 0;    // its number
    std::uint64_t id_hash = 0;  // of the event's id; 0: it has none
    std::vector<KeptPiece> by_hook;
    std::string whole;  // what comes after the number of an event to which nobody else adds: all fields that stand, two braces
    bool is_whole = false;
    std::uint64_t all_forgotten = 0;
    std::size_t bytes = 0;
};

}  // namespace callbacks::detail
