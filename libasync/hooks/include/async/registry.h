#pragma once

#include <async/observation.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace async::detail {

/// The part of a registry that doesn't depend on what is registered. It is compiled once: a host has a registry for every
/// callback, and whoever includes their dispatchers would compile each of them otherwise.
class registrations {
public:
    [[nodiscard]] const dispatch_settings* settings() const noexcept { return settings_; }

    /// Calls `visit(const callback_identity&)` for every registration, in order.
    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        for (const std::shared_ptr<callback_identity>& identity : identities_) visit(std::as_const(*identity));
    }

    [[nodiscard]] bool has(std::uint64_t registrant) const noexcept {
        return std::any_of(identities_.begin(), identities_.end(),
                           [registrant](const auto& identity) { return identity->how.registrant == registrant; });
    }

protected:
    registrations() noexcept;
    ~registrations();
    registrations(registrations&& other) noexcept;
    registrations& operator=(registrations&& other) noexcept;

    /// One more registration, at `place` among them; its identity lives as long as the registry.
    [[nodiscard]] callback_identity& identify(std::string_view module, std::string_view callback,
                                              const dispatch_settings* settings, const registration& how, std::size_t place);
    /// The registration at `place` of `other` stands at `to` here too, and is counted as one.
    void share(const registrations& other, std::size_t place, std::size_t to);
    void exchange(registrations& other) noexcept;
    /// Where one of this order stands among those that are registered.
    [[nodiscard]] std::size_t place_of(int order) const noexcept;
    /// Keeps a snapshot for the walks that started with it.
    void keep(std::shared_ptr<const void> snapshot);

private:
    const dispatch_settings* settings_ = nullptr;
    std::vector<std::shared_ptr<const void>> snapshots_;
    std::vector<std::shared_ptr<callback_identity>> identities_;  // in the order of the newest snapshot
};

/// The registrations of one callback, in order. A walk keeps the list that it found: a registration makes a new one, and older
/// ones stay as long as the registry, or as the one that it was exchanged with since. No lock, no count.
///
/// `Entry` is what a dispatcher keeps of a registration; it has a `callback_identity* identity`.
template <class Entry>
class registry : public registrations {
public:
    struct snapshot : std::vector<Entry> {
        /// Whether one of them is in shadow mode at the moment.
        [[nodiscard]] bool is_watched() const noexcept {
            if (are_shadowed.empty()) [[likely]]
                return false;
            return std::any_of(are_shadowed.begin(), are_shadowed.end(), [](const auto& is_shadowed) { return *is_shadowed; });
        }
        std::vector<std::shared_ptr<const bool>> are_shadowed;  ///< of those that can be
    };

    /// What is registered by now; null: nothing.
    [[nodiscard]] const snapshot* current() const noexcept { return current_; }

    void add(std::string_view module, std::string_view callback, const dispatch_settings* settings, Entry added,
             const registration& how) {
        const std::size_t place = place_of(how.order);
        added.identity = &identify(module, callback, settings, how, place);
        insert(std::move(added), place);
    }

    /// Adds what this registrant has in `other`, where it stays as it is: both count in the same place.
    void add_from(const registry& other, std::uint64_t registrant) {
        if (other.current_ == nullptr) return;
        for (std::size_t from = 0; from < other.current_->size(); ++from) {
            const Entry& entry = (*other.current_)[from];
            if (entry.identity->how.registrant != registrant) continue;
            const std::size_t place = place_of(entry.identity->how.order);
            share(other, from, place);
            insert(entry, place);
        }
    }

    /// Lets `change(Entry&)` put another callable in the place of what is registered with this identity, whose runs are in shadow
    /// mode while `is_shadowed` says so from now on. A walk that is under way and hasn't come there yet finds the new one. The
    /// old callable stays as long as what takes its place holds it. False: there is no such registration.
    template <class Change>
    bool replace(const callback_identity& identity, const std::shared_ptr<const bool>& is_shadowed, Change&& change) {
        if (current_ == nullptr) return false;
        const auto found = std::find_if(current_->begin(), current_->end(),
                                        [&](const Entry& registered) { return registered.identity == &identity; });
        if (found == current_->end()) return false;
        change(*found);
        found->identity->how.is_shadowed = is_shadowed;
        current_->are_shadowed.push_back(is_shadowed);
        return true;
    }

    /// Each has what the other had. A walk that has begun goes on with what it found, which the other one keeps.
    void exchange(registry& other) noexcept {
        registrations::exchange(other);
        std::swap(current_, other.current_);
    }

private:
    void insert(Entry added, std::size_t place) {
        auto grown = current_ == nullptr ? std::make_shared<snapshot>() : std::make_shared<snapshot>(*current_);
        const std::shared_ptr<const bool>& is_shadowed = added.identity->how.is_shadowed;
        if (is_shadowed != nullptr) grown->are_shadowed.push_back(is_shadowed);
        grown->insert(grown->begin() + static_cast<std::ptrdiff_t>(place), std::move(added));
        current_ = grown.get();
        keep(std::move(grown));
    }

    snapshot* current_ = nullptr;
};

}  // namespace async::detail
