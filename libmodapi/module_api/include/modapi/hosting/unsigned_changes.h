#pragma once

#include <modapi/hosting/module_registrations.h>

#include <async/cached_function.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace modapi {

/// What a worker remembers of one module's add_field_to_unsigned (callbacks::once_per_event), as invalidations from anywhere see it:
/// its key is an event's id; a key without parts is all events. Thread: the worker's. Lifetime: the registrations outlive it.
class UnsignedChanges final : public async::cached_function {
public:
    explicit UnsignedChanges(const ModuleRegistrations& of);

    [[nodiscard]] std::size_t key_parts() const noexcept override { return 1; }
    [[nodiscard]] bool invalidate_strings(std::span<const std::string> key) override;
    [[nodiscard]] bool invalidate_prefix_strings(std::span<const std::string> prefix) override { return invalidate_strings(prefix); }
    void invalidate_all() override;

private:
    void remove(async::detail::cache_entry&) noexcept override {}

    const ModuleRegistrations& of_;
};

}  // namespace modapi
