#include "promise.h"

#include <cstdio>
#include <cstdlib>

namespace fuzz {

namespace {

std::string_view being_read;

}  // namespace

void note(std::string_view bytes) noexcept { being_read = bytes; }

void promise(bool is_kept, const char* text) {
    if (is_kept) return;
    std::fprintf(stderr, "not kept: %s\nfor the bytes ", text);
    for (const unsigned char c : being_read) std::fprintf(stderr, c >= ' ' && c < 0x7f && c != '\\' ? "%c" : "\\x%02x", c);
    std::fputc('\n', stderr);
    std::abort();
}

}  // namespace fuzz
