#pragma once

#include <async/observation.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace async {
class limiter;
}

namespace callbacks {

/// What an operator says of one callback of one module.
struct CallbackRules {
    std::shared_ptr<async::limiter> limits;  ///< null: its runs have none
    int order = 0;                           ///< before those of modules with a greater one

    [[nodiscard]] async::registration stands() const noexcept;
};
/// The rules of a callback by its name; for one name always the same.
using RulesOf = std::function<CallbackRules(std::string_view callback)>;

/// A module's callbacks of one category, those that have limits with these around them.
///
/// A failure becomes what the limits say: the neutral answer, the callback's own denial, or TryAgainLater, which leaves the
/// dispatcher whatever its error rule is. A SynapseError below 500 that the error rule lets pass is no failure. What may be
/// said for which callback is in its CallbackDescription.
template <class Category>
[[nodiscard]] Category limited(const Category& given, const RulesOf& rules);

/// Where of 10'000 points the calls about somebody are, of which a share is asked. The same on all machines, for ever.
[[nodiscard]] std::uint32_t share_point(std::string_view subject) noexcept;

}  // namespace callbacks
