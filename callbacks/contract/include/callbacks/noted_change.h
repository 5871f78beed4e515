#pragma once

#include <callbacks/third_party_rules.h>

#include <async/observation.h>

namespace callbacks {

/// Callbacks that may change what they are given, with a look at whether they did: `settings`' observer hears of each change as of a
/// decision, whose answer is ChangedKeys (callbacks/decision.h). The others stay as they are.
///
/// Not of a run in shadow mode, which gets copies. Cost: a copy of a new room's request for each module. Lifetime: `settings` outlives
/// what is returned.
[[nodiscard]] ThirdPartyRules with_noted_changes(const ThirdPartyRules& given, const async::dispatch_settings& settings);

}  // namespace callbacks
