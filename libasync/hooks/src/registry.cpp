#include <async/registry.h>

#include <string>

namespace async::detail {

registrations::registrations() noexcept = default;
registrations::~registrations() = default;
registrations::registrations(registrations&& other) noexcept = default;
registrations& registrations::operator=(registrations&& other) noexcept = default;

callback_identity& registrations::identify(std::string_view module, std::string_view callback,
                                           const dispatch_settings* settings) {
    settings_ = settings;
    identities_.push_back(std::make_unique<callback_identity>(std::string(module), callback));
    return *identities_.back();
}

void registrations::keep(std::shared_ptr<const void> snapshot) { snapshots_.push_back(std::move(snapshot)); }

}  // namespace async::detail
