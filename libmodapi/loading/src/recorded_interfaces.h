#pragma once

#include <span>
#include <string_view>

namespace modapi {

/// A release, and what its libraries are marked with (modapi_mark_headers).
struct RecordedInterface {
    std::string_view version;
    std::string_view mark;
};

/// The lines of libmodapi/abi/interfaces.txt that are of this version's major, as they were when this library was built:
/// releases up to its own, if it is one.
[[nodiscard]] std::span<const RecordedInterface> recorded_interfaces();

/// Whether a host with the mark `own` loads a library with `mark`: its own, and if that is a release's, any other release's
/// too. A host that was built between two releases takes only its own, since nobody has compared its headers with those of a
/// release.
[[nodiscard]] bool takes_interface(std::string_view mark, std::string_view own, std::span<const RecordedInterface> recorded);

}  // namespace modapi
