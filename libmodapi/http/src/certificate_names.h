#pragma once

#include <openssl/ssl.h>

namespace modapi {

/// Refuses servers whose certificate doesn't say for which hosts it is where it has to (RFC 9525): as alternative names. In its
/// subject libcurl would still read where there are none.
void require_alternative_names(SSL_CTX* tls);

}  // namespace modapi
