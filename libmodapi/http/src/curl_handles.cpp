#include <modapi/curl_handles.h>

#include "certificate_names.h"

#include <new>
#include <stdexcept>

namespace modapi {

void initialize_curl() {
    static const CURLcode outcome = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (outcome != CURLE_OK) throw std::runtime_error(std::string("libcurl can't be used: ") + curl_easy_strerror(outcome));
}

CurlEasy make_curl_easy() {
    initialize_curl();
    CurlEasy made(curl_easy_init());
    if (!made) throw std::bad_alloc();
    return made;
}

void require_alternative_names(CURL* easy) {
    const curl_ssl_ctx_callback on_tls = [](CURL*, void* tls, void*) {
        require_alternative_names(static_cast<SSL_CTX*>(tls));
        return CURLE_OK;
    };
    const CURLcode outcome = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    if (outcome != CURLE_OK)
        throw std::runtime_error(std::string("libcurl can't check certificates: ") + curl_easy_strerror(outcome));
}

void CurlLines::add(const std::string& line) {
    curl_slist* const grown = curl_slist_append(list_.get(), line.c_str());
    if (grown == nullptr) throw std::bad_alloc();
    static_cast<void>(list_.release());
    list_.reset(grown);
}

}  // namespace modapi
