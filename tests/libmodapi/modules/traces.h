#pragma once

#include <cstdlib>
#include <fstream>

/// Writes the file that TRACE_FILE names as soon as the library is loaded: the proof that it was.
struct TraceOfLoading {
    TraceOfLoading() {
        if (const char* const file = std::getenv("TRACE_FILE")) std::ofstream(file) << "loaded";
    }
};
inline const TraceOfLoading trace_of_loading;
