#pragma once

#include <callbacks/errors.h>

namespace modapi {

/// What a resource without a handler for a method answers to it.
[[noreturn]] inline void refuse_method() {
    throw callbacks::SynapseError(405, "Unrecognized request", callbacks::Codes::UNRECOGNIZED);
}

}  // namespace modapi
