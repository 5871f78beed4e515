#include "accounts/password_hash.h"

#include "http/host_pool.h"

#include <callbacks/errors.h>

#include <async/run_on.h>

#include <sodium.h>

#include <array>
#include <stdexcept>

namespace homeserver {

namespace {

std::string hashed(const std::string& password) {
    std::array<char, crypto_pwhash_STRBYTES> text{};
    const int failed = crypto_pwhash_str(text.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                         crypto_pwhash_MEMLIMIT_INTERACTIVE);
    if (failed != 0) throw std::runtime_error("there is not enough memory to hash a password");
    return text.data();
}

/// Made once, of something nobody knows.
const std::string& hash_of_nobody() {
    static const std::string hash = [] {
        std::string unknown(32, '\0');
        randombytes_buf(unknown.data(), unknown.size());
        return hashed(unknown);
    }();
    return hash;
}

bool matches(const std::string& password, const std::string& hash) {
    const std::string& compared = hash.empty() ? hash_of_nobody() : hash;
    return crypto_pwhash_str_verify(compared.c_str(), password.data(), password.size()) == 0 && !hash.empty();
}

}  // namespace

void check_new_password(std::string_view password) {
    constexpr std::size_t max_length = 512;
    if (password.empty() || password.size() > max_length)
        throw callbacks::SynapseError(400, "Invalid password", callbacks::Codes::INVALID_PARAM);
}

async::task<std::string> hash_password(const HostPool& host_pool, std::string password) {
    return async::run_on(host_pool.executor, &hashed, std::move(password));
}

async::task<bool> password_matches(const HostPool& host_pool, std::string password, std::string hash) {
    return async::run_on(host_pool.executor, &matches, std::move(password), std::move(hash));
}

}  // namespace homeserver
