#include <callbacks/json_place.h>

#include <utility>

namespace callbacks {

JsonPlace JsonPlace::at(std::string_view key) const noexcept {
    const JsonDict* const members = object();
    return JsonPlace(members == nullptr ? nullptr : members->if_contains(key));
}

std::optional<std::string_view> JsonPlace::text() const noexcept {
    if (value_ == nullptr || !value_->is_string()) return std::nullopt;
    return std::string_view(value_->get_string());
}

std::optional<std::int64_t> JsonPlace::number() const noexcept {
    if (value_ == nullptr) return std::nullopt;
    if (const std::int64_t* const number = value_->if_int64()) return *number;
    const std::uint64_t* const large = value_->if_uint64();
    if (large == nullptr || !std::in_range<std::int64_t>(*large)) return std::nullopt;
    return static_cast<std::int64_t>(*large);
}

std::optional<bool> JsonPlace::truth() const noexcept {
    if (value_ == nullptr || !value_->is_bool()) return std::nullopt;
    return value_->get_bool();
}

const JsonDict* JsonPlace::object() const noexcept { return value_ == nullptr ? nullptr : value_->if_object(); }
const JsonArray* JsonPlace::array() const noexcept { return value_ == nullptr ? nullptr : value_->if_array(); }

}  // namespace callbacks
