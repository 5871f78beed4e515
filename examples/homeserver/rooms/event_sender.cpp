#include "rooms/event_sender.h"

#include "access/authentication.h"
#include "events/auth_rules.h"
#include "events/event_format.h"
#include "http/requests.h"
#include "rooms/event_storing.h"
#include "rooms/judged_write.h"

#include <callbacks/errors.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::StateMap;
using callbacks::SynapseError;
using modapi::Transaction;

constexpr int max_looks_at_session = 5;

/// What an event is built and judged on.
struct Snapshot {
    RoomHead head;
    std::shared_ptr<const StateMap> state;
    std::optional<std::string> sent_before;
};

std::optional<Snapshot> take_snapshot(Transaction& transaction, RoomStates* states, const std::string& room_id,
                                      const std::optional<SentTransaction>& sent) {
    std::optional<LaterEventOfTransaction> sent_before;
    if (sent) sent_before.emplace(transaction, room_id, *sent);
    std::optional<RoomHead> head = find_head(transaction, room_id);
    if (!head) return std::nullopt;
    Snapshot snapshot;
    snapshot.head = std::move(*head);
    snapshot.state = states->get(transaction, room_id, snapshot.head.state_version);
    if (sent_before) snapshot.sent_before = sent_before->take();
    return snapshot;
}

void require_redaction(const Event& redaction, const std::string& sender_of_redacted, const StateMap& state) {
    if (!may_redact(redaction, sender_of_redacted, state))
        throw SynapseError(403, "You don't have permission to redact events", Codes::FORBIDDEN);
}

/// What an event says, whatever its place among the others.
JsonDict words_of(const Event& event) {
    JsonDict words = pdu_from_event(event);
    for (const char* of_its_place : {"auth_events", "prev_events", "hashes", "signatures", "depth"}) words.erase(of_its_place);
    words["unsigned"] = event.unsigned_fields();
    return words;
}

std::string not_in_room(const Draft& draft) { return "User " + draft.sender + " not in room " + draft.room_id; }

}  // namespace

EventOrigin EventSender::origin() const noexcept { return {signing_key_, server_name_, clock_.wall_time_ms()}; }

Event EventSender::build(const Draft& draft, const RoomHead& head, const StateMap& state) const {
    return build_event(origin(), draft, head, state);
}

async::task<Event> EventSender::allowed(RoomOperation& operation, Event event, std::shared_ptr<const StateMap> shown) {
    if (third_party_rules_.check_event_allowed.empty()) co_return event;
    // What a module sends from inside moves these.
    const RoomHead head = operation.head();
    const std::shared_ptr<const StateMap> state = operation.state();
    async::task<callbacks::EventDecision> asking = third_party_rules_.check_event_allowed(event, *shown);
    const callbacks::EventDecision decision = co_await std::move(asking).in(operation.here());
    if (!decision.allowed()) throw SynapseError(403, "This event is not allowed in this context", Codes::FORBIDDEN);
    if (!decision.replacement()) co_return event;
    co_return build_replacement(origin(), event, *decision.replacement(), head, *state);
}

void authorize(const Event& event, const StateMap& state) {
    const std::optional<std::string> refusal = refused(event, state);
    if (refusal) throw SynapseError(403, *refusal, Codes::FORBIDDEN);
}

void EventSender::announce(const async::context& here, const std::vector<Event>& events, std::shared_ptr<const StateMap> state,
                           Hearers hearers) {
    const bool is_asked_for = !third_party_rules_.on_new_event.empty();
    modapi::Cause cause;
    if (is_asked_for) cause = modapi::Cause::of(here);
    for (const Event& event : events) {
        News news;
        if (is_asked_for) {
            if (event.is_state()) {
                StateMap changed(*state);
                changed.set(event);
                state = std::make_shared<const StateMap>(std::move(changed));
            }
            news.event = std::make_shared<modapi::NewEvent>(event, state, cause);
        }
        news.users = hearers.users;
        news.members = hearers.members;
        notifier_.publish(news);
    }
}

/// Drafts on their way into a room.
class EventSender::Sending final : public JudgedWrite {
public:
    Sending(EventSender& sender, std::vector<Draft> drafts)
        : sender_(sender), drafts_(std::move(drafts)), no_spam_(drafts_.size()) {}

    [[nodiscard]] const std::string& room_id() const noexcept { return drafts_.front().room_id; }
    /// The state isn't what a draft expects, or what it was made of has changed.
    [[nodiscard]] bool is_unexpected() const noexcept { return is_unexpected_; }
    /// What became of each draft.
    [[nodiscard]] std::vector<Event>& sent() noexcept { return sent_; }

    [[nodiscard]] async::task<void> judge(RoomOperation& operation) override;
    [[nodiscard]] async::task<void> store(RoomOperation& operation, std::string holder) override;
    /// Has all judged where the operation stands, and adds them to it.
    [[nodiscard]] async::task<void> judge_all(RoomOperation& operation);

private:
    [[nodiscard]] async::task<void> judge_one(RoomOperation& operation, std::size_t index);
    [[nodiscard]] async::task<std::optional<std::string>> redacted_sender(const Draft& draft);
    [[nodiscard]] async::task<void> require_no_spam(RoomOperation& operation, std::size_t index, const Event& event);
    [[nodiscard]] async::task<void> end_with(std::string event_id);

    EventSender& sender_;
    std::vector<Draft> drafts_;
    std::vector<JsonDict> no_spam_;  ///< of each draft, what check_event_for_spam has let through
    std::vector<Event> sent_;
    std::int64_t state_version_ = 0;
    bool is_unexpected_ = false;
};

/// Whose event a draft is to take back; none: it is no redaction. The event may be one that isn't stored yet.
async::task<std::optional<std::string>> EventSender::Sending::redacted_sender(const Draft& draft) {
    if (draft.type != "m.room.redaction" || !draft.redacts) co_return std::nullopt;
    const async::context& here = co_await async::this_context;
    const Event* const pending = RoomOperation::find_pending(here, *draft.redacts);
    if (pending != nullptr) co_return pending->sender();
    const std::optional<StoredEvent> found =
        co_await sender_.database_.read("find_event", &find_event, draft.room_id, *draft.redacts);
    if (!found) throw SynapseError(404, "Could not find event " + *draft.redacts, Codes::NOT_FOUND);
    co_return found->event.sender();
}

async::task<void> EventSender::Sending::require_no_spam(RoomOperation& operation, std::size_t index, const Event& event) {
    if (sender_.spam_checker_.check_event_for_spam.empty()) co_return;
    JsonDict words = words_of(event);
    if (no_spam_[index] == words) co_return;
    // The modules see what is made so far; what one sends is its own, and not the event's.
    operation.close();
    async::task<callbacks::Verdict> asking = sender_.spam_checker_.check_event_for_spam(event);
    const callbacks::Verdict verdict = co_await std::move(asking).in(operation.here());
    operation.open();
    deny_if_spam(verdict, "This message had been rejected as probable spam");
    no_spam_[index] = std::move(words);
}

async::task<void> EventSender::Sending::judge_one(RoomOperation& operation, std::size_t index) {
    const async::context& here = co_await async::this_context;
    Draft& draft = drafts_[index];
    const bool is_membership = draft.type == "m.room.member";
    // Who isn't in the room learns nothing of it, and no module is asked.
    const Event* const own = operation.state()->find("m.room.member", draft.sender);
    if (!is_membership && (own == nullptr || own->membership() != "join")) {
        throw SynapseError(403, not_in_room(draft), Codes::FORBIDDEN);
    }
    is_unexpected_ = draft.expected && !is_as_expected(*draft.expected, *operation.state());
    if (is_unexpected_) co_return;
    const std::optional<std::string> of = co_await redacted_sender(draft);
    // What modules make for this one stands or falls with it.
    RoomOperation with_others(here, operation.room_id());
    with_others.share_turn_of(operation);
    with_others.begin(operation.head(), operation.state());
    Event built = sender_.build(draft, operation.head(), *operation.state());
    draft.origin_server_ts = built.origin_server_ts();  // asked again, it is the same event
    if (of) require_redaction(built, *of, *operation.state());
    const Event event = co_await sender_.allowed(with_others, std::move(built), operation.state());
    if (!is_membership) co_await require_no_spam(with_others, index, event);
    authorize(event, *with_others.state());
    if (of) require_redaction(event, *of, *with_others.state());
    const Event* const same = repeated(event, *with_others.state());
    sent_.push_back(same != nullptr ? *same : event);
    if (same != nullptr) co_return;
    PendingEvent pending(event);
    pending.transaction = draft.transaction;
    pending.expected = draft.expected;
    pending.still_holds = draft.still_holds;
    pending.alongside = draft.alongside;
    pending.redacted_sender = of;
    with_others.add(std::move(pending));
    operation.add_all(with_others);
}

async::task<void> EventSender::Sending::judge_all(RoomOperation& operation) {
    sent_.clear();
    for (std::size_t index = 0; index < drafts_.size() && !is_unexpected_; ++index) {
        co_await judge_one(operation, index);
    }
}

/// The event was sent before.
async::task<void> EventSender::Sending::end_with(std::string event_id) {
    const std::optional<StoredEvent> found =
        co_await sender_.database_.read("find_event", &find_event, room_id(), std::move(event_id));
    sent_.assign(1, found.value().event);
    is_through_ = true;
}

async::task<void> EventSender::Sending::judge(RoomOperation& operation) {
    async::task<std::optional<Snapshot>> taking =
        sender_.database_.read("event_snapshot", &take_snapshot, &sender_.states_, room_id(), drafts_.front().transaction);
    std::optional<Snapshot> snapshot = co_await std::move(taking);
    if (!snapshot) throw SynapseError(403, not_in_room(drafts_.front()), Codes::FORBIDDEN);
    if (snapshot->sent_before) {
        co_await end_with(std::move(*snapshot->sent_before));
        co_return;
    }
    state_version_ = snapshot->head.state_version;
    operation.begin(std::move(snapshot->head), std::move(snapshot->state));
    co_await judge_all(operation);
    is_through_ = is_unexpected_ || operation.events().empty();
}

async::task<void> EventSender::Sending::store(RoomOperation& operation, std::string holder) {
    StoreOrder order;
    order.states = &sender_.states_;
    order.notified = &sender_.notified_;
    order.room_id = room_id();
    order.events = operation.events();
    order.state_version = state_version_;
    order.judged = JudgedState(sender_.third_party_rules_, operation.state_before());
    order.holder = std::move(holder);
    Stored stored = co_await sender_.database_.run_in_turn("store_events", &store_events, std::move(order), sender_.origin());
    room_is_taken_ = stored.room_is_taken;
    if (stored.sent_before) {
        co_await end_with(std::move(*stored.sent_before));
        co_return;
    }
    // What a module made for a draft is made anew by the next question.
    const auto is_outdated = [&](const Event& sent) { return sent.event_id() == stored.outdated; };
    is_unexpected_ = stored.outdated && std::any_of(sent_.begin(), sent_.end(), is_outdated);
    is_through_ = stored.is_stored || is_unexpected_;
    if (!stored.is_stored) co_return;
    std::vector<Event> events;
    for (const PendingEvent& pending : operation.events()) events.push_back(pending.event);
    if (stored.moved) {
        events.assign(1, *stored.moved);
        sent_.assign(1, *stored.moved);
    }
    const std::shared_ptr<const StateMap> before = stored.newer_state ? stored.newer_state : operation.state_before();
    const async::context& here = co_await async::this_context;
    Hearers hearers(std::move(stored.users));
    hearers.members = std::move(stored.members);
    sender_.announce(here, events, before, std::move(hearers));
}

async::task<void> EventSender::send(Sending& sending) {
    const async::context& here = co_await async::this_context;
    RoomOperation* const around = RoomOperation::open_around(here, sending.room_id());
    RoomOperation operation(here, sending.room_id());
    if (around == nullptr) {
        co_await judge_and_store(room_turns_, operation, sending);
        co_return;
    }
    operation.begin(around->head(), around->state());
    co_await sending.judge_all(operation);
    if (!sending.is_unexpected()) around->add_all(operation);
}

async::task<std::vector<Event>> EventSender::send_all(std::vector<Draft> drafts) {
    Sending sending(*this, std::move(drafts));
    co_await send(sending);
    co_return std::move(sending.sent());
}

async::task<std::optional<Event>> EventSender::send_if_expected(Draft draft) {
    std::vector<Draft> only(1, std::move(draft));
    Sending sending(*this, std::move(only));
    co_await send(sending);
    if (sending.is_unexpected()) co_return std::nullopt;
    co_return std::move(sending.sent().front());
}

async::task<Event> EventSender::send_for(callbacks::Requester requester, Draft draft, std::string act) {
    draft.still_holds = if_session_stands(requester, act);
    for (int tried = 0; tried < max_looks_at_session; ++tried) {
        std::optional<Event> sent = co_await send_if_expected(draft);
        if (sent) co_return std::move(*sent);
        // Says why; what has passed meanwhile, as a lock that is taken off again, is no reason.
        co_await database_.read("require_session", &require_session, requester, act);
    }
    refuse_busy_room();
}

async::task<Event> EventSender::send(Draft draft) {
    std::vector<Draft> only(1, std::move(draft));
    Sending sending(*this, std::move(only));
    co_await send(sending);
    co_return std::move(sending.sent().front());
}

}  // namespace homeserver
