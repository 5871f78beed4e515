#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// What a module did to an operation, or what became of it.
enum class DecisionOutcome : unsigned char {
    denied,          ///< its answer denied the operation
    replaced,        ///< its answer changed what the operation does
    failed,          ///< an exception
    cut,             ///< it took longer than its deadline
    breaker_opened,  ///< after too many failures it isn't asked for a while
    breaker_closed,  ///< it is asked again
    shadow_differs,  ///< in shadow mode: had its answer counted, something else would have been done
};
/// Their names, in the order of DecisionOutcome.
inline constexpr std::array<std::string_view, 7> decision_outcomes = {
    "denied", "replaced", "failed", "cut", "breaker_opened", "breaker_closed", "shadow_differs"};
/// The word of an outcome, as operators see it.
[[nodiscard]] std::string_view word_of(DecisionOutcome outcome) noexcept;
/// None: no outcome is called so.
[[nodiscard]] std::optional<DecisionOutcome> outcome_of(std::string_view word) noexcept;

/// One decision: what an operator is told who asks why something was refused. No message, no password and no token is in it.
struct Decision {
    std::string id;            ///< opaque; no two decisions have the same, on no process over the same database
    std::int64_t time_ms = 0;  ///< since 1970; never less than that of the decision before it on this process
    std::string process;
    std::string worker;
    std::string request_id;  ///< of the request that caused it; empty, as all that follow: there is none, or it isn't known
    std::string module;
    std::string callback;
    DecisionOutcome outcome = DecisionOutcome::denied;
    std::string errcode;  ///< as the client got it
    std::string text;     ///< as the client got it; what failed; which keys were changed; what would have been answered
    std::string user_id;
    std::string room_id;
    std::string event_id;
    std::string address;        ///< of the client
    double duration_ms = 0;  ///< of the run; 0: it answered at once, and such a run's time is taken of one in 64 alone
};

/// Which decisions somebody wants to see. Empty and none: whatever they say.
struct DecisionFilter {
    std::string module;
    std::string callback;
    std::string user_id;
    std::string room_id;
    std::string request_id;
    std::string id;
    std::optional<DecisionOutcome> outcome;
    std::optional<std::int64_t> since_ms;  ///< not before
    std::optional<std::int64_t> until_ms;  ///< before

    /// Whether the filter wants to see this decision.
    [[nodiscard]] bool lets_pass(const Decision& decision) const;
};

/// A place in the list of decisions, which begins with the newest.
struct DecisionPlace {
    std::int64_t time_ms = 0;
    std::string id;

    /// Where a decision stands.
    [[nodiscard]] static DecisionPlace of(const Decision& decision) { return {decision.time_ms, decision.id}; }
    /// As clients hold it. None: it isn't one.
    [[nodiscard]] static std::optional<DecisionPlace> read(std::string_view token);
    [[nodiscard]] std::string token() const;
    /// Whether that decision stands behind it: it is older.
    [[nodiscard]] bool is_before(const Decision& decision) const {
        return decision.time_ms != time_ms ? decision.time_ms < time_ms : decision.id < id;
    }
};

/// A part of the list, the newest first.
struct DecisionPage {
    std::vector<Decision> decisions;
    bool has_more = false;       ///< older ones follow
    bool is_incomplete = false;  ///< those that are kept couldn't be read
};

/// How many decisions are kept.
struct DecisionSettings {
    static constexpr std::size_t usually_in_memory = 10'000;
    std::size_t in_memory = usually_in_memory;  ///< the last ones
    std::optional<std::int64_t> keep_ms;        ///< in the host's database for so long; none: they aren't
};

}  // namespace modapi
