#include "tls_authorities.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <new>

namespace modapi {

namespace {

/// Whether a certificate says for which hosts it is where it has to (RFC 9525): as alternative names, not in its subject, which
/// libcurl would still read where there are none.
bool names_hosts(const X509* certificate) {
    GENERAL_NAMES* const names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    bool found = false;
    for (int index = 0; index < sk_GENERAL_NAME_num(names); ++index) {
        const int type = sk_GENERAL_NAME_value(names, index)->type;
        found = found || type == GEN_DNS || type == GEN_IPADD;
    }
    GENERAL_NAMES_free(names);
    return found;
}

int verify(int is_valid, X509_STORE_CTX* chain) {
    if (is_valid == 0 || X509_STORE_CTX_get_error_depth(chain) != 0) return is_valid;
    if (names_hosts(X509_STORE_CTX_get_current_cert(chain))) return 1;
    X509_STORE_CTX_set_error(chain, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

}  // namespace

void TlsAuthorities::apply(SSL_CTX* tls) {
    if (!store_) {
        store_.reset(X509_STORE_new());
        if (!store_) throw std::bad_alloc();
        // Without any of them no certificate is valid, and each connection says so.
        X509_STORE_set_default_paths(store_.get());
        ERR_clear_error();
    }
    SSL_CTX_set1_cert_store(tls, store_.get());
    SSL_CTX_set_verify(tls, SSL_CTX_get_verify_mode(tls), &verify);
}

}  // namespace modapi
