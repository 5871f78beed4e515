#pragma once

#include <callbacks/json.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace homeserver {

/// The server's ed25519 key. Immutable: any thread may sign.
class SigningKey {
public:
    /// Reads `ed25519 a_AbCd <base64 of the seed>`; makes the file, readable by its owner alone, if there is none.
    /// Errors: std::runtime_error that names the file, never what is in it.
    [[nodiscard]] static SigningKey load_or_create(const std::filesystem::path& file);
    /// `key_id` is `ed25519:VERSION`, `seed` 32 bytes in unpadded base64. Errors: std::invalid_argument.
    SigningKey(std::string key_id, std::string_view seed_base64);
    ~SigningKey();
    SigningKey(const SigningKey&) = default;
    SigningKey& operator=(const SigningKey&) = default;

    [[nodiscard]] const std::string& key_id() const noexcept { return key_id_; }
    /// Unpadded base64.
    [[nodiscard]] std::string public_key() const;
    /// The signature of `bytes` in unpadded base64.
    [[nodiscard]] std::string sign(std::string_view bytes) const;
    /// Signs `object` as `server_name` (specification, appendix "Signing JSON"): all but `signatures` and `unsigned` is
    /// covered.
    void sign_json(callbacks::JsonDict& object, std::string_view server_name) const;

private:
    std::string key_id_;
    std::array<unsigned char, 32> public_{};
    std::array<unsigned char, 64> secret_{};
};

/// Unpadded base64, as everywhere in Matrix.
[[nodiscard]] std::string unpadded_base64(const unsigned char* bytes, std::size_t size, bool url_safe);

}  // namespace homeserver
