#pragma once

#include <boost/version.hpp>
#include <spdlog/version.h>
#include <cstddef>  // any header of the standard library's: it says which one that is

/// The binary interface between host and modules: a module library carries its marks, the host compares them before any code of
/// the library runs. One is made of the headers that the library was built against (modapi_mark_headers in CMake), the other, here,
/// of everything else that decides how what they declare lies in memory and is called: the compiler and its ABI version (coroutine
/// frames differ), the language standard, the standard library and its modes, Boost, spdlog, the size of a pointer, the sanitizer
/// (frame pools differ under ASan). What changes only the code (-O, -g, NDEBUG, _GLIBCXX_ASSERTIONS) is no part of it.
#if defined(__clang__)
#define MODAPI_ABI_COMPILER clang
#define MODAPI_ABI_COMPILER_VERSION __clang_major__
#else
#define MODAPI_ABI_COMPILER gcc
#define MODAPI_ABI_COMPILER_VERSION __GNUC__
#endif

#if defined(__SANITIZE_ADDRESS__)
#define MODAPI_ABI_SANITIZER address
#elif defined(__SANITIZE_THREAD__)
#define MODAPI_ABI_SANITIZER thread
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MODAPI_ABI_SANITIZER address
#elif __has_feature(thread_sanitizer)
#define MODAPI_ABI_SANITIZER thread
#elif __has_feature(memory_sanitizer)
#define MODAPI_ABI_SANITIZER memory
#endif
#endif
#ifndef MODAPI_ABI_SANITIZER
#define MODAPI_ABI_SANITIZER none
#endif

#define MODAPI_ABI_TEXT_OF(x) #x
#define MODAPI_ABI_TEXT(x) MODAPI_ABI_TEXT_OF(x)

#if defined(_LIBCPP_VERSION)
#define MODAPI_ABI_LIBRARY "libc++ " MODAPI_ABI_TEXT(_LIBCPP_VERSION) " abi " MODAPI_ABI_TEXT(_LIBCPP_ABI_VERSION)
#else
#define MODAPI_ABI_LIBRARY "libstdc++ " MODAPI_ABI_TEXT(_GLIBCXX_RELEASE) ", string abi " MODAPI_ABI_TEXT(_GLIBCXX_USE_CXX11_ABI)
#endif

// Modes that are named only where they are on, or where something usual is off.
#if defined(_GLIBCXX_DEBUG)
#define MODAPI_ABI_DEBUG "; _GLIBCXX_DEBUG"
#else
#define MODAPI_ABI_DEBUG ""
#endif
#if defined(_GLIBCXX_PARALLEL)
#define MODAPI_ABI_PARALLEL "; _GLIBCXX_PARALLEL"
#else
#define MODAPI_ABI_PARALLEL ""
#endif
#if defined(_GLIBCXX_SANITIZE_VECTOR)
#define MODAPI_ABI_ANNOTATED_VECTOR "; _GLIBCXX_SANITIZE_VECTOR"
#else
#define MODAPI_ABI_ANNOTATED_VECTOR ""
#endif
#if defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING) || defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING)
#define MODAPI_ABI_TRACKING "; Asio's handlers tracked"
#else
#define MODAPI_ABI_TRACKING ""
#endif
#if defined(BOOST_ASIO_DISABLE_THREADS)
#define MODAPI_ABI_THREADS "; Asio without threads"
#else
#define MODAPI_ABI_THREADS ""
#endif
#if defined(BOOST_ASIO_HAS_IO_URING) || defined(BOOST_ASIO_DISABLE_EPOLL)
#define MODAPI_ABI_REACTOR "; Asio without epoll"
#else
#define MODAPI_ABI_REACTOR ""
#endif
#if defined(__cpp_exceptions)
#define MODAPI_ABI_EXCEPTIONS ""
#else
#define MODAPI_ABI_EXCEPTIONS "; -fno-exceptions"
#endif
#if defined(__cpp_rtti)
#define MODAPI_ABI_RTTI ""
#else
#define MODAPI_ABI_RTTI "; -fno-rtti"
#endif
#if defined(__cpp_char8_t)
#define MODAPI_ABI_CHAR8 ""
#else
#define MODAPI_ABI_CHAR8 "; -fno-char8_t"
#endif
#if __SIZEOF_WCHAR_T__ == 4
#define MODAPI_ABI_WCHAR ""
#else
#define MODAPI_ABI_WCHAR "; -fshort-wchar"
#endif

#define MODAPI_ABI_MODES                                                                                                \
    MODAPI_ABI_DEBUG MODAPI_ABI_PARALLEL MODAPI_ABI_ANNOTATED_VECTOR MODAPI_ABI_TRACKING MODAPI_ABI_THREADS             \
        MODAPI_ABI_REACTOR MODAPI_ABI_EXCEPTIONS MODAPI_ABI_RTTI MODAPI_ABI_CHAR8 MODAPI_ABI_WCHAR

/// The mark as text: "modapi; gcc 12, abi 1017; C++ 202002L; libstdc++ 12, string abi 1; Boost 108100; ...".
#define MODAPI_ABI_STRING                                                                                                 \
    "modapi; " MODAPI_ABI_TEXT(MODAPI_ABI_COMPILER) " " MODAPI_ABI_TEXT(MODAPI_ABI_COMPILER_VERSION) ", abi "              \
    MODAPI_ABI_TEXT(__GXX_ABI_VERSION) "; C++ " MODAPI_ABI_TEXT(__cplusplus) "; " MODAPI_ABI_LIBRARY "; Boost "            \
    MODAPI_ABI_TEXT(BOOST_VERSION) "; spdlog " MODAPI_ABI_TEXT(SPDLOG_VER_MAJOR) "." MODAPI_ABI_TEXT(SPDLOG_VER_MINOR) "." \
    MODAPI_ABI_TEXT(SPDLOG_VER_PATCH) "; pointers of " MODAPI_ABI_TEXT(__SIZEOF_POINTER__) " bytes; sanitizer "            \
    MODAPI_ABI_TEXT(MODAPI_ABI_SANITIZER) MODAPI_ABI_MODES

namespace modapi::detail {

// No macro tells of these options, so a mark can't.
struct UnpackedLayout {
    char first;
    int second;
};
enum PlainEnumeration { plain_enumerator };
static_assert(sizeof(UnpackedLayout) == 2 * sizeof(int), "modules can't be built with -fpack-struct");
static_assert(sizeof(PlainEnumeration) == sizeof(int), "modules can't be built with -fshort-enums");

}  // namespace modapi::detail

/// Sections of a module library that hold its marks, and section that only the framework's own libraries have: a module library
/// with the latter brings its own copy of the framework.
#define MODAPI_ABI_SECTION ".modapi_abi"
#define MODAPI_HEADERS_SECTION ".modapi_headers"
#define MODAPI_FRAMEWORK_SECTION ".modapi_framework"

namespace {

// Of every source that is built against the framework: one of them with another option is enough to crash.
__attribute__((section(MODAPI_ABI_SECTION), used)) constexpr char modapi_abi_mark_of_source[] = MODAPI_ABI_STRING;

}  // namespace

/// Puts the mark into a library; `Name` keeps the marks of several modules in one file apart.
#define MODAPI_ABI_MARK(Name)                                                                                       \
    namespace {                                                                                                     \
    __attribute__((section(MODAPI_ABI_SECTION), used)) constexpr char modapi_abi_mark_##Name[] = MODAPI_ABI_STRING; \
    }
