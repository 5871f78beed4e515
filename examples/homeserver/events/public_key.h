#pragma once

#include <callbacks/json.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// An ed25519 key that verifies signatures. A value; any thread.
class PublicKey {
public:
    /// From base64, padded or not; none for anything but 32 bytes.
    [[nodiscard]] static std::optional<PublicKey> from_base64(std::string_view text);

    /// Whether `signature`, in base64, is this key's over `bytes`. Cost: some tens of microseconds.
    [[nodiscard]] bool verifies(std::string_view bytes, std::string_view signature) const;

private:
    std::array<unsigned char, 32> bytes_{};
};

/// What a signature of an object covers: its canonical JSON without `signatures` and `unsigned`. Errors: those of
/// canonical_json.
[[nodiscard]] std::string signed_bytes(const callbacks::JsonDict& object);

}  // namespace homeserver
