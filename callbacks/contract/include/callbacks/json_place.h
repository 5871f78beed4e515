#pragma once

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace callbacks {

/// A place in JSON that somebody else wrote: there may be a value of the kind that is asked for, one of another kind, or none.
///
///     const std::optional<std::string_view> method = event.content_at("m.relates_to", "rel_type").text();
///
/// Lifetime: of the JSON that it is a place of, which stays as it is. Nothing throws.
class JsonPlace {
public:
    /// Null: nothing is there.
    explicit JsonPlace(const JsonValue* value) noexcept : value_(value) {}

    [[nodiscard]] bool exists() const noexcept { return value_ != nullptr; }
    /// Null if nothing is there.
    [[nodiscard]] const JsonValue* value() const noexcept { return value_; }
    /// The place below it; none below what is no object.
    [[nodiscard]] JsonPlace at(std::string_view key) const noexcept;

    /// None for anything but a string.
    [[nodiscard]] std::optional<std::string_view> text() const noexcept;
    /// None for anything but a whole number without fraction or exponent, which is all that Matrix knows.
    [[nodiscard]] std::optional<std::int64_t> number() const noexcept;
    /// None for anything but true and false.
    [[nodiscard]] std::optional<bool> truth() const noexcept;
    /// Null for anything else.
    [[nodiscard]] const JsonDict* object() const noexcept;
    [[nodiscard]] const JsonArray* array() const noexcept;

private:
    const JsonValue* value_;
};

/// The place in an object that the keys lead to, each an object's member of the one before.
template <class... Keys>
[[nodiscard]] JsonPlace place_in(const JsonDict& object, std::string_view first, const Keys&... further) noexcept {
    JsonPlace place(object.if_contains(first));
    ((place = place.at(further)), ...);
    return place;
}

}  // namespace callbacks
