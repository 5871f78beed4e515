#pragma once

#include <span>
#include <string_view>

/// What reads bytes that strangers send, one function each, with the promises that hold for any bytes. Driven by libFuzzer
/// (tests/fuzz/run) and, over the same seeds, by a test with a fixed sequence of mutations.
namespace homeserver {
class VerifyKeys;
}

namespace fuzz {

struct Parser {
    std::string_view name;  ///< also the folder of its seeds
    /// Ends the program with a line on stderr where a promise isn't kept.
    void (*read)(std::string_view bytes);
    int mutants = 20'000;  ///< that the test without libFuzzer reads
};

[[nodiscard]] std::span<const Parser> parsers() noexcept;
/// Ends the program for an unknown name.
[[nodiscard]] const Parser& parser_named(std::string_view name);

/// What the events among the seeds are signed by, as server `domain`: the key of the specification's test vectors.
[[nodiscard]] const homeserver::VerifyKeys& keys_of_seeds();

}  // namespace fuzz
