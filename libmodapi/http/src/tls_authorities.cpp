#include "tls_authorities.h"

#include "certificate_names.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <new>

namespace modapi {

void TlsAuthorities::apply(SSL_CTX* tls) {
    if (!store_) {
        store_.reset(X509_STORE_new());
        if (!store_) throw std::bad_alloc();
        // Without any of them no certificate is valid, and each connection says so.
        X509_STORE_set_default_paths(store_.get());
        ERR_clear_error();
    }
    SSL_CTX_set1_cert_store(tls, store_.get());
    require_alternative_names(tls);
}

}  // namespace modapi
