#include <modapi/hosting/decision.h>

#include <algorithm>
#include <charconv>

namespace modapi {

namespace {

bool matches(const std::string& wanted, const std::string& found) { return wanted.empty() || wanted == found; }

}  // namespace

std::string_view word_of(DecisionOutcome outcome) noexcept { return decision_outcomes[static_cast<std::size_t>(outcome)]; }

std::optional<DecisionOutcome> outcome_of(std::string_view word) noexcept {
    const auto found = std::find(decision_outcomes.begin(), decision_outcomes.end(), word);
    if (found == decision_outcomes.end()) return std::nullopt;
    return static_cast<DecisionOutcome>(found - decision_outcomes.begin());
}

bool DecisionFilter::lets_pass(const Decision& decision) const {
    return (!since_ms || decision.time_ms >= *since_ms) && (!until_ms || decision.time_ms < *until_ms) &&
           (!outcome || decision.outcome == *outcome) && matches(module, decision.module) && matches(callback, decision.callback) &&
           matches(user_id, decision.user_id) && matches(room_id, decision.room_id) && matches(request_id, decision.request_id) &&
           matches(id, decision.id);
}

std::optional<DecisionPlace> DecisionPlace::read(std::string_view token) {
    const std::size_t end_of_time = token.find('_');
    if (end_of_time == std::string_view::npos) return std::nullopt;
    DecisionPlace place;
    const std::from_chars_result time = std::from_chars(token.data(), token.data() + end_of_time, place.time_ms);
    if (time.ec != std::errc() || time.ptr != token.data() + end_of_time) return std::nullopt;
    place.id = token.substr(end_of_time + 1);
    const bool is_id = !place.id.empty() && std::all_of(place.id.begin(), place.id.end(), [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
    });
    if (!is_id) return std::nullopt;
    return place;
}

std::string DecisionPlace::token() const { return std::to_string(time_ms) + "_" + id; }

}  // namespace modapi
