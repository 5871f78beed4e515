#pragma once

#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace homeserver {

/// What an endpoint asks for: the type of one of its parameters.
struct ServiceKind {
    const std::type_info* type = nullptr;
    bool is_const = false;  ///< it only reads

    [[nodiscard]] std::string name() const;
    [[nodiscard]] bool operator==(const ServiceKind& other) const noexcept {
        return *type == *other.type && is_const == other.is_const;
    }
};

template <class Service>
[[nodiscard]] ServiceKind service_kind() noexcept {
    return {&typeid(Service), std::is_const_v<Service>};
}

/// What one worker has for its endpoints, one object of each type. Filled when the worker is made, then asked once for each
/// endpoint (BoundEndpoints).
class Services {
public:
    /// `service` outlives everything that was bound to these services. An endpoint gets it by `Service&` or `const Service&`;
    /// what is const by the latter only.
    template <class Service>
    void offer(Service& service) {
        void* const address = const_cast<std::remove_const_t<Service>*>(&service);
        offered_.emplace_back(service_kind<const Service>(), address);
        if constexpr (!std::is_const_v<Service>) offered_.emplace_back(service_kind<Service>(), address);
    }

    /// Null: nobody offers one. Cost: by the number of services.
    [[nodiscard]] void* find(const ServiceKind& kind) const noexcept;

private:
    std::vector<std::pair<ServiceKind, void*>> offered_;
};

}  // namespace homeserver
