#pragma once

#include <openssl/ssl.h>

#include <memory>

namespace modapi {

/// Whom the system trusts to vouch for servers: OpenSSL's own files and folders, or those that the environment variables
/// SSL_CERT_FILE and SSL_CERT_DIR name. Read when first needed, which takes milliseconds.
class TlsAuthorities {
public:
    /// Makes `tls` trust them, for the hosts that a certificate has as alternative names. Errors: std::bad_alloc.
    void apply(SSL_CTX* tls);

private:
    struct Freed {
        void operator()(X509_STORE* store) const noexcept { X509_STORE_free(store); }
    };
    std::unique_ptr<X509_STORE, Freed> store_;
};

}  // namespace modapi
