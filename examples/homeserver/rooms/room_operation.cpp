#include "rooms/room_operation.h"

#include "rooms/event_building.h"

#include <async/task.h>

#include <utility>

namespace homeserver {

namespace {

template <class Predicate>
RoomOperation* innermost_that(const async::context& here, std::string_view room_id, Predicate&& is_wanted) noexcept {
    for (async::operation* each = async::operation::innermost_of(here); each != nullptr; each = each->outer()) {
        auto* const found = dynamic_cast<RoomOperation*>(each);
        if (found != nullptr && found->room_id() == room_id && is_wanted(*found)) return found;
    }
    return nullptr;
}

}  // namespace

RoomOperation* RoomOperation::around(const async::context& here, std::string_view room_id) noexcept {
    return innermost_that(here, room_id, [](const RoomOperation&) { return true; });
}

RoomOperation* RoomOperation::open_around(const async::context& here, std::string_view room_id) noexcept {
    return innermost_that(here, room_id, [](const RoomOperation& found) { return found.is_open_; });
}

std::string RoomOperation::holder_around(const async::context& here, std::string_view room_id) {
    const RoomOperation* const found =
        innermost_that(here, room_id, [](const RoomOperation& each) { return !each.holder_.empty(); });
    return found == nullptr ? std::string() : found->holder_;
}

void RoomOperation::begin(RoomHead head, std::shared_ptr<const callbacks::StateMap> state) {
    head_ = std::move(head);
    state_before_ = state;
    state_ = std::move(state);
    own_state_ = nullptr;
    events_.clear();
}

void RoomOperation::add(PendingEvent pending) {
    if (pending.event.is_state()) {
        constexpr long kept_here = 2;
        if (own_state_ == nullptr || own_state_.use_count() > kept_here) {
            own_state_ = std::make_shared<callbacks::StateMap>(*state_);
            state_ = own_state_;
        }
        own_state_->set(pending.event);
    }
    append(std::move(pending));
}

void RoomOperation::add_all(const RoomOperation& inner) {
    if (state_ == inner.state_before_) {
        for (const PendingEvent& pending : inner.events_) append(pending);
        if (inner.own_state_ == nullptr) return;
        state_ = inner.state_;
        own_state_ = inner.own_state_;
    } else {
        // What was sent meanwhile has become a part of this one before the inner one did.
        for (const PendingEvent& pending : inner.events_) add(pending);
    }
}

void RoomOperation::append(PendingEvent pending) {
    follow(head_, pending.event);
    events_.push_back(std::move(pending));
}

const callbacks::Event* RoomOperation::find_pending(const async::context& here, std::string_view event_id) noexcept {
    for (const async::operation* each = innermost_of(here); each != nullptr; each = each->outer()) {
        const auto* const found = dynamic_cast<const RoomOperation*>(each);
        if (found == nullptr) continue;
        for (const PendingEvent& pending : found->events_) {
            if (*pending.event.event_id() == event_id) return &pending.event;
        }
    }
    return nullptr;
}

async::task<callbacks::StateMap> visible_state(modapi::Database& database, std::string room_id) {
    const async::context& here = co_await async::this_context;
    const RoomOperation* const around = RoomOperation::around(here, room_id);
    if (around != nullptr) co_return *around->state();
    co_return co_await database.read("room_state", &current_state, std::move(room_id));
}

}  // namespace homeserver
