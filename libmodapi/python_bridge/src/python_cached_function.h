#pragma once

#include "python_calls.h"

#include <callbacks/json.h>

#include <async/cached_function.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace modapi {

namespace detail {

/// A base, since what it holds has to be there before the cached function that is made of it.
struct CachedFunctionName {
    std::string text;
};

}  // namespace detail

/// A cached function of a module that is written in Python, as workers know it: what it keeps is in the process, and what
/// workers tell each other of it goes there. Registered by ModuleApi::register_cached_function.
///
/// A part of a key travels as the JSON that says it. What `caches:` says of size and expiry doesn't reach it: the process has
/// what the module's own decorator says, and its counters stay 0. Thread: the worker's. Lifetime: that of the module's
/// instance.
class PythonCachedFunction final : private detail::CachedFunctionName, public async::cached_function {
public:
    /// `parts` is how many a key has.
    PythonCachedFunction(std::string name, std::size_t parts, std::shared_ptr<PythonCalls> calls);

    [[nodiscard]] std::size_t key_parts() const noexcept override { return parts_; }
    [[nodiscard]] bool invalidate_strings(std::span<const std::string> key) override;
    /// Drops all there is, since the process has no word for a prefix: too much is right, too little isn't.
    [[nodiscard]] bool invalidate_prefix_strings(std::span<const std::string> prefix) override;
    void invalidate_all() override;

protected:
    void remove(async::detail::cache_entry&) noexcept override {}  // it has none

private:
    std::size_t parts_;
    std::shared_ptr<PythonCalls> calls_;
};

/// A key that the process names, in the form in which keys travel between workers.
[[nodiscard]] std::vector<std::string> cached_key_of(const callbacks::JsonArray& key);

}  // namespace modapi
