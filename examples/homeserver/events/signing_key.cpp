#include "events/signing_key.h"

#include "events/public_key.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace homeserver {
namespace {

void start_sodium() {
    if (sodium_init() < 0) throw std::runtime_error("libsodium can't be initialised");
}

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what) {
    throw std::runtime_error(file.string() + ": " + what);
}

/// Written under another name and linked into place: a second server that starts at the same time never sees half a key.
void create(const std::filesystem::path& file) {
    static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
    randombytes_buf(seed.data(), seed.size());
    std::string line = "ed25519 a_";
    for (int count = 0; count < 4; ++count) line += letters[randombytes_uniform(sizeof letters - 1)];
    line += ' ' + unpadded_base64(seed.data(), seed.size(), false) + '\n';
    sodium_memzero(seed.data(), seed.size());

    const std::string unfinished = file.string() + "." + std::to_string(::getpid());
    const int descriptor = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) fail(file, "the signing key can't be created");
    const bool written =
        ::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(descriptor) == 0;
    ::close(descriptor);
    sodium_memzero(line.data(), line.size());
    const bool linked = written && (::link(unfinished.c_str(), file.c_str()) == 0 || errno == EEXIST);
    ::unlink(unfinished.c_str());
    if (!linked) fail(file, "the signing key can't be created");
}

}  // namespace

std::string unpadded_base64(const unsigned char* bytes, std::size_t size, bool url_safe) {
    const int variant = url_safe ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    std::string text(sodium_base64_encoded_len(size, variant), '\0');
    sodium_bin2base64(text.data(), text.size(), bytes, size, variant);
    text.pop_back();  // the terminating NUL
    return text;
}

SigningKey SigningKey::load_or_create(const std::filesystem::path& file) {
    start_sodium();
    if (!std::filesystem::exists(file)) create(file);
    std::ifstream stream(file);
    std::string algorithm;
    std::string version;
    std::string seed;
    if (!(stream >> algorithm >> version >> seed)) fail(file, "is no signing key (ed25519 VERSION SEED)");
    if (algorithm != "ed25519") fail(file, "the signing key's algorithm isn't ed25519");
    try {
        SigningKey key(algorithm + ":" + version, seed);
        sodium_memzero(seed.data(), seed.size());
        return key;
    } catch (const std::invalid_argument&) {
        fail(file, "the signing key's seed isn't 32 bytes of base64");
    }
}

SigningKey::SigningKey(std::string key_id, std::string_view seed_base64) : key_id_(std::move(key_id)) {
    start_sodium();
    while (seed_base64.ends_with('=')) seed_base64.remove_suffix(1);
    std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
    std::size_t size = 0;
    const int decoded = sodium_base642bin(seed.data(), seed.size(), seed_base64.data(), seed_base64.size(), nullptr, &size,
                                          nullptr, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    if (decoded != 0 || size != seed.size()) throw std::invalid_argument("a seed is 32 bytes of base64");
    crypto_sign_seed_keypair(public_.data(), secret_.data(), seed.data());
    sodium_memzero(seed.data(), seed.size());
}

SigningKey::~SigningKey() { sodium_memzero(secret_.data(), secret_.size()); }

std::string SigningKey::public_key() const { return unpadded_base64(public_.data(), public_.size(), false); }

std::string SigningKey::sign(std::string_view bytes) const {
    std::array<unsigned char, crypto_sign_BYTES> signature{};
    crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                         secret_.data());
    return unpadded_base64(signature.data(), signature.size(), false);
}

void SigningKey::sign_json(callbacks::JsonDict& object, std::string_view server_name) const {
    const std::string signature = sign(signed_bytes(object));
    callbacks::JsonValue& signatures = object["signatures"];
    if (!signatures.is_object()) signatures.emplace_object();
    callbacks::JsonValue& of_server = signatures.get_object()[server_name];
    if (!of_server.is_object()) of_server.emplace_object();
    of_server.get_object()[key_id_] = signature;
}

}  // namespace homeserver
