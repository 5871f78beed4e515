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
    auto identity = std::make_unique<callback_identity>(std::string(module), callback, how);
    return **identities_.insert(identities_.begin() + static_cast<std::ptrdiff_t>(place), std::move(identity));
}

std::size_t registrations::place_of(int order) const noexcept {
    const auto later = [order](const std::unique_ptr<callback_identity>& other) { return other->how.order > order; };
    return static_cast<std::size_t>(std::find_if(identities_.begin(), identities_.end(), later) - identities_.begin());
}

void registrations::keep(std::shared_ptr<const void> snapshot) { snapshots_.push_back(std::move(snapshot)); }

}  // namespace async::detail
