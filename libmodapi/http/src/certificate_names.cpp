#include "certificate_names.h"

#include <openssl/x509v3.h>

namespace modapi {

namespace {

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

void require_alternative_names(SSL_CTX* tls) { SSL_CTX_set_verify(tls, SSL_CTX_get_verify_mode(tls), &verify); }

}  // namespace modapi
