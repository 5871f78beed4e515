#pragma once

#include <string_view>

namespace fuzz {

/// What a client sends to the server: requests, one after the other.
void read_http_request(std::string_view bytes);
/// What a server sends to a module's HTTP client over a real connection, which it closes then; after a first `k` it keeps it.
void read_http_answer(std::string_view bytes);

}  // namespace fuzz
