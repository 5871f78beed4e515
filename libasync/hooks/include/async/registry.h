#pragma once

#include <async/observation.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace async::detail {

/// The registrations of one callback, in order. A walk keeps the list that it found: a registration makes a new one, and older
/// ones stay as long as the registry. No lock, no count.
///
/// `Entry` is what a dispatcher keeps of a registration; it has a `callback_identity* identity`.
template <class Entry>
class registry {
public:
    using snapshot = std::vector<Entry>;

    /// What is registered by now; null: nothing.
    [[nodiscard]] const snapshot* current() const noexcept { return current_; }
    [[nodiscard]] const dispatch_settings* settings() const noexcept { return settings_; }

    void add(std::string_view module, std::string_view callback, const dispatch_settings* settings, Entry added) {
        settings_ = settings;
        identities_.push_back(std::make_unique<callback_identity>(std::string(module), callback));
        added.identity = identities_.back().get();
        auto grown = std::make_unique<snapshot>();
        if (current_ != nullptr) *grown = *current_;
        grown->push_back(std::move(added));
        current_ = grown.get();
        snapshots_.push_back(std::move(grown));
    }

    template <class Visitor>
    void each_registration(Visitor&& visit) const {
        for (const std::unique_ptr<callback_identity>& identity : identities_) visit(std::as_const(*identity));
    }

private:
    const snapshot* current_ = nullptr;
    const dispatch_settings* settings_ = nullptr;
    std::vector<std::unique_ptr<snapshot>> snapshots_;
    std::vector<std::unique_ptr<callback_identity>> identities_;
};

}  // namespace async::detail
