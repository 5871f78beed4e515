#include "rooms/limited_draft.h"

#include "rate_limits/limit_exceeded.h"
#include "rooms/appended_event.h"

#include <utility>

namespace homeserver {

void count_when_stored(Draft& draft, std::shared_ptr<RateClaim> claim) {
    if (claim == nullptr) return;
    draft.alongside = [also = std::move(draft.alongside), claim = std::move(claim)](modapi::Transaction& transaction) {
        if (also) also(transaction);
        claim->keep();
    };
}

async::task<std::optional<std::string>> limit_draft(RateLimits& rate_limits, modapi::Database& database, Draft& draft) {
    std::optional<LimitExceeded> refusal;
    try {
        std::shared_ptr<RateClaim> claim = co_await rate_limits.claim_message(draft.sender);
        count_when_stored(draft, std::move(claim));
    } catch (const LimitExceeded& exceeded) {
        refusal = exceeded;
    }
    if (!refusal) co_return std::nullopt;
    // Whoever lost an answer asks for it again, and sends nothing by that.
    if (!draft.transaction) throw LimitExceeded(*refusal);
    std::optional<std::string> sent =
        co_await database.read("event_of_transaction", &event_of_transaction, draft.room_id, *draft.transaction);
    if (!sent) throw LimitExceeded(*refusal);
    co_return std::move(sent);
}

}  // namespace homeserver
