#pragma once

#include <exception>

namespace callbacks {

/// Whether a failure is a SynapseError (or of a class derived from it), which has a status and a code for whoever asked; any
/// other is a mistake of the code that threw it. `failure` isn't null.
[[nodiscard]] bool is_synapse_error(const std::exception_ptr& failure) noexcept;

}  // namespace callbacks
