#include <callbacks/remembered_fields.h>

#include "first_walk.h"

#include <async/string_hash.h>

#include <utility>

namespace callbacks {

std::shared_ptr<RememberedFields> UnsignedAnswer::new_memory() { return std::make_shared<RememberedFields>(); }
void UnsignedAnswer::forget(RememberedFields& memory) noexcept { memory.forget_all(); }

RememberedFields::RememberedFields() : RememberedFields(Limits()) {}
RememberedFields::RememberedFields(const Limits& limits) : limits_(limits) {}
RememberedFields::~RememberedFields() = default;

void RememberedFields::forget_all() noexcept {
    asked_ = nullptr;
    forgotten_.clear();
    all_forgotten_ = 0;
    recent_ = Generation();
    before_ = Generation();
    near_.fill(Near());
    detach_if([](const detail::AskedEvent&) { return true; });
}

void RememberedFields::forget(std::uint64_t registrant) noexcept {
    if (asked_ == nullptr) return;
    bool is_asked = false;
    for (std::size_t hook = 0; hook < asked_->hooks.size(); ++hook) {
        if (asked_->hooks[hook].registrant != registrant) continue;
        is_asked = true;
        ++forgotten_[hook];
    }
    if (!is_asked) return;
    ++all_forgotten_;
    near_.fill(Near());
    detach_if([](const detail::AskedEvent&) { return true; });
}

void RememberedFields::forget(std::uint64_t registrant, std::string_view event_id) {
    if (asked_ == nullptr) return;
    const std::uint64_t hash = async::detail::hash_of_string(event_id);
    detach_if([&](const detail::AskedEvent& asked) { return asked.result->id_hash == hash; });
    for (Generation* const kept : {&recent_, &before_}) {
        const auto [first, end] = kept->by_id.equal_range(hash);
        for (auto each = first; each != end; ++each) {
            const auto found = kept->by_event.find(each->second);
            if (found == kept->by_event.end()) continue;
            near_[each->second % near_.size()] = Near();
            // Responses may have the one there is.
            auto less = std::make_shared<detail::KeptFields>(*found->second);
            less->is_whole = false;
            for (std::size_t hook = 0; hook < less->by_hook.size(); ++hook) {
                if (asked_->hooks[hook].registrant == registrant) less->by_hook[hook] = detail::KeptPiece();
            }
            found->second = std::move(less);
        }
    }
}

void RememberedFields::look_at(const Hook& hook) {
    std::uint64_t changes = 0;
    hook.each_hook([&](const async::callback_identity&, bool, std::uint64_t of_hook) { changes += of_hook; });
    if (asked_ != nullptr && changes == changes_) return;
    forget_all();
    auto asked = std::make_shared<detail::RememberedHooks>();
    asked->are_all = true;
    hook.each_hook([&](const async::callback_identity& identity, bool is_remembered, std::uint64_t) {
        const bool is_kept = is_remembered && !identity.how.is_in_shadow();  // there each answer is compared
        asked->hooks.push_back({is_kept, identity.how.registrant});
        asked->are_all = asked->are_all && is_kept;
    });
    forgotten_.assign(asked->hooks.size(), 0);
    changes_ = changes;
    asked_ = std::move(asked);
}

const RememberedFields::Kept* RememberedFields::find(std::uint64_t event) noexcept {
    if (const auto found = recent_.by_event.find(event); found != recent_.by_event.end()) [[likely]]
        return &found->second;
    const auto found = before_.by_event.find(event);
    if (found == before_.by_event.end()) return nullptr;
    try {
        Kept again = std::move(found->second);
        before_.bytes -= again->bytes;
        before_.by_event.erase(found);
        keep(std::move(again));
    } catch (...) {
        return nullptr;  // without memory for it it is asked for anew
    }
    const auto kept = recent_.by_event.find(event);
    return kept != recent_.by_event.end() ? &kept->second : nullptr;
}

const detail::KeptFields* RememberedFields::look_up_whole(std::uint64_t event) noexcept {
    const Kept* const found = find(event);
    if (found == nullptr) return nullptr;
    const detail::KeptFields& kept = **found;
    if (!kept.is_whole || kept.all_forgotten != all_forgotten_) return nullptr;
    near_[event % near_.size()] = Near{event, &kept};
    return &kept;
}

std::shared_ptr<detail::AskedEvent> RememberedFields::under_way(std::uint64_t event) const {
    const auto found = under_way_.find(event);
    return found != under_way_.end() ? found->second : nullptr;
}

void RememberedFields::begin(const std::shared_ptr<detail::AskedEvent>& asked) { under_way_.emplace(asked->number, asked); }

void RememberedFields::end(const std::shared_ptr<detail::AskedEvent>& asked) noexcept {
    const auto found = under_way_.find(asked->number);
    if (found != under_way_.end() && found->second == asked) under_way_.erase(found);
}

void RememberedFields::keep(Kept made) {
    const std::size_t bytes = made->bytes;
    if (bytes > limits_.max_bytes / 2) return;
    if (recent_.by_event.size() >= limits_.max_events / 2 || recent_.bytes + bytes > limits_.max_bytes / 2) {
        before_ = std::exchange(recent_, Generation());
        near_.fill(Near());
    }
    const std::uint64_t event = made->event;
    const std::uint64_t id_hash = made->id_hash;
    near_[event % near_.size()] = Near();
    Kept& place = recent_.by_event[event];
    if (place != nullptr) {
        recent_.bytes -= place->bytes;
    } else if (id_hash != 0) {
        recent_.by_id.emplace(id_hash, event);
    }
    place = std::move(made);
    recent_.bytes += bytes;
    if (const auto older = before_.by_event.find(event); older != before_.by_event.end()) {
        before_.bytes -= older->second->bytes;
        before_.by_event.erase(older);
    }
}

template <class Predicate>
void RememberedFields::detach_if(const Predicate& matches) noexcept {
    boost::unordered::erase_if(under_way_, [&](const auto& entry) {
        if (!matches(*entry.second)) return false;
        entry.second->is_detached = true;
        return true;
    });
}

}  // namespace callbacks
