#include <callbacks/event_interest.h>

#include <algorithm>

namespace callbacks {

namespace {

bool contains(const std::optional<std::vector<std::string>>& names, std::string_view name) {
    return !names || std::find(names->begin(), names->end(), name) != names->end();
}

std::uint64_t bits_of(const std::vector<std::string>& names) {
    std::uint64_t bits = 0;
    for (const std::string& name : names) bits |= EventTraits::bit_of(name);
    return bits;
}

}  // namespace

void EventInterest::restrict(void (*change)(Lists&, Names&&), Names&& names) {
    const auto changed = lists_ == nullptr ? std::make_shared<Lists>() : std::make_shared<Lists>(*lists_);
    change(*changed, std::move(names));
    lists_ = changed;
}

EventInterest& EventInterest::types(Names any_of) {
    restrict([](Lists& lists, Names&& names) { lists.types = std::move(names); }, std::move(any_of));
    note_kinds();
    return *this;
}

EventInterest& EventInterest::with_state_key(bool has_one) {
    restrict(
        has_one ? [](Lists& lists, Names&&) { lists.state = true; } : [](Lists& lists, Names&&) { lists.state = false; },
        Names());
    note_kinds();
    return *this;
}

EventInterest& EventInterest::senders(Names any_of) {
    senders_ = bits_of(any_of);
    restrict([](Lists& lists, Names&& names) { lists.senders = std::move(names); }, std::move(any_of));
    return *this;
}

EventInterest& EventInterest::in_rooms(Names any_of) {
    rooms_ = bits_of(any_of);
    restrict([](Lists& lists, Names&& names) { lists.rooms = std::move(names); }, std::move(any_of));
    return *this;
}

void EventInterest::note_kinds() {
    kinds_ = 0;
    for (const bool is_state : {false, true}) {
        if (lists_->state && *lists_->state != is_state) continue;
        if (!lists_->types) {
            kinds_ |= is_state ? ~std::uint64_t(0) << 32 : ~std::uint64_t(0) >> 32;
            continue;
        }
        for (const std::string& type : *lists_->types) kinds_ |= EventTraits::kind_bit(type, is_state);
    }
}

bool EventInterest::is_listed(const Event& event) const noexcept {
    return (!lists_->state || *lists_->state == event.is_state()) && contains(lists_->types, event.type()) &&
           contains(lists_->senders, event.sender()) && contains(lists_->rooms, event.room_id());
}

}  // namespace callbacks
