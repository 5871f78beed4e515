#include <modapi/module_api.h>

#include <stdexcept>
#include <string>

#ifdef NEEDS_WHAT_LIES_BESIDE_IT
const char* what_lies_beside();
#else
static const char* what_lies_beside() { return "nothing"; }
#endif

#ifdef FAILS_WHEN_LOADED
static int fail() { throw std::runtime_error("not today"); }
const int failed = fail();
#endif

/// Of a type that isn't hidden: where such objects are GNU_UNIQUE, all versions in a process have one together.
template <class T>
struct __attribute__((visibility("default"))) Counted {
    static inline int times = 0;
};

/// Says which version of it runs, how often that was asked, and what lies beside it.
class Versioned {
public:
    static std::string parse_config(const modapi::ConfigSection&) {
        ++Counted<std::string>::times;
        return "version " + std::to_string(VERSION) + ", asked " + std::to_string(Counted<std::string>::times) +
               ", beside it " + what_lies_beside();
    }
    Versioned(const std::string&, modapi::ModuleApi&) {}
};

MODAPI_MODULE(Versioned)
