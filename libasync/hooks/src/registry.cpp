#include <async/registry.h>

#include <algorithm>
#include <string>
#include <utility>

namespace async::detail {

registrations::registrations() noexcept = default;
registrations::~registrations() = default;
registrations::registrations(registrations&& other) noexcept = default;
registrations& registrations::operator=(registrations&& other) noexcept = default;

callback_identity& registrations::identify(std::string_view module, std::string_view callback,
                                           const dispatch_settings* settings, const registration& how,
                                           std::size_t place) {
    settings_ = settings;
    std::shared_ptr<callback_identity> identity(new callback_identity(std::string(module), callback, how));  // with lines of its own
    return **identities_.insert(identities_.begin() + static_cast<std::ptrdiff_t>(place), std::move(identity));
}

std::size_t registrations::place_of(int order) const noexcept {
    const auto later = [order](const std::shared_ptr<callback_identity>& other) { return other->how.order > order; };
    return static_cast<std::size_t>(std::find_if(identities_.begin(), identities_.end(), later) - identities_.begin());
}

void registrations::share(const registrations& other, std::size_t place, std::size_t to) {
    settings_ = other.settings_;
    identities_.insert(identities_.begin() + static_cast<std::ptrdiff_t>(to), other.identities_.at(place));
}

void registrations::exchange(registrations& other) noexcept {
    std::swap(settings_, other.settings_);
    snapshots_.swap(other.snapshots_);
    identities_.swap(other.identities_);
}

void registrations::keep(std::shared_ptr<const void> snapshot) { snapshots_.push_back(std::move(snapshot)); }

}  // namespace async::detail
