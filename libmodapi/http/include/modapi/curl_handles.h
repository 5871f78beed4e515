#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

namespace modapi {

/// Makes libcurl ready for use, once for the whole program, whoever asks first: its own functions for that may be called once.
/// Hosts and modules that use libcurl themselves call this before. Thread: any. Errors: std::runtime_error.
void initialize_curl();

/// Ends an object with one of libcurl's own functions.
template <auto end>
struct EndedByCurl {
    template <class T>
    void operator()(T* object) const noexcept {
        end(object);
    }
};
/// One transfer's handle.
using CurlEasy = std::unique_ptr<CURL, EndedByCurl<&curl_easy_cleanup>>;
/// A new one. Errors: as of initialize_curl, std::bad_alloc.
[[nodiscard]] CurlEasy make_curl_easy();

/// Whatever is secured by TLS: a server whose certificate has its host in its subject only, not as an alternative name, is
/// refused (RFC 9525). Errors: std::runtime_error.
void require_alternative_names(CURL* easy);

/// A list of lines in libcurl's form, which refers to it instead of copying it: it outlives the transfer it is set for.
class CurlLines {
public:
    /// Errors: std::bad_alloc.
    void add(const std::string& line);
    /// Null without lines.
    [[nodiscard]] curl_slist* get() const noexcept { return list_.get(); }

private:
    std::unique_ptr<curl_slist, EndedByCurl<&curl_slist_free_all>> list_;
};

}  // namespace modapi
