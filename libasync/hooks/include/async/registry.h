#pragma once

#include <async/observation.h>

#include <algorithm>
#include <cstddef>
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
        for (const std::unique_ptr<callback_identity>& identity : identities_) visit(std::as_const(*identity));
    }

protected:
    registrations() noexcept;
    ~registrations();
    registrations(registrations&& other) noexcept;
    registrations& operator=(registrations&& other) noexcept;

    /// One more registration, at `place` among them; its identity lives as long as the registry.
    [[nodiscard]] callback_identity& identify(std::string_view module, std::string_view callback,
                                              const dispatch_settings* settings, const registration& how, std::size_t place);
    /// Where one of this order stands among those that are registered.
    [[nodiscard]] std::size_t place_of(int order) const noexcept;
    /// Keeps a snapshot for the walks that started with it.
    void keep(std::shared_ptr<const void> snapshot);

private:
    const dispatch_settings* settings_ = nullptr;
    std::vector<std::shared_ptr<const void>> snapshots_;
    std::vector<std::unique_ptr<callback_identity>> identities_;
};

/// The registrations of one callback, in order. A walk keeps the list that it found: a registration makes a new one, and older
/// ones stay as long as the registry. No lock, no count.
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
        auto grown = current_ == nullptr ? std::make_shared<snapshot>() : std::make_shared<snapshot>(*current_);
        const std::size_t place = place_of(how.order);
        added.identity = &identify(module, callback, settings, how, place);
        grown->insert(grown->begin() + static_cast<std::ptrdiff_t>(place), std::move(added));
        if (how.is_shadowed != nullptr) grown->are_shadowed.push_back(how.is_shadowed);
        current_ = grown.get();
        keep(std::move(grown));
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

private:
    snapshot* current_ = nullptr;
};

}  // namespace async::detail
