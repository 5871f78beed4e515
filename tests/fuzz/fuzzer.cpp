#include "parsers.h"

#include <cstddef>
#include <cstdint>

/// One program for each parser: FUZZED is its name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static const fuzz::Parser& parser = fuzz::parser_named(FUZZED);
    parser.read({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
