#pragma once

/// The binary interface between host and modules: a module library carries its mark, the host compares it before any code of
/// the library runs. Two builds fit together when all of these agree: the interface's version, the compiler and its major
/// version (coroutine frames differ), the standard library's string ABI, and the sanitizer (frame pools differ under ASan).
#define MODAPI_ABI_VERSION 4

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
#endif
#endif
#ifndef MODAPI_ABI_SANITIZER
#define MODAPI_ABI_SANITIZER none
#endif

#define MODAPI_ABI_TEXT_OF(x) #x
#define MODAPI_ABI_TEXT(x) MODAPI_ABI_TEXT_OF(x)

/// The mark as text: "modapi abi 4; gcc 12; string abi 1; sanitizer none".
#define MODAPI_ABI_STRING                                                                                            \
    "modapi abi " MODAPI_ABI_TEXT(MODAPI_ABI_VERSION) "; " MODAPI_ABI_TEXT(MODAPI_ABI_COMPILER) " " MODAPI_ABI_TEXT( \
        MODAPI_ABI_COMPILER_VERSION) "; string abi " MODAPI_ABI_TEXT(_GLIBCXX_USE_CXX11_ABI) "; sanitizer " MODAPI_ABI_TEXT(MODAPI_ABI_SANITIZER)

/// Section of a module library that holds its mark, and section that only the framework's own libraries have: a module library
/// with the latter brings its own copy of the framework.
#define MODAPI_ABI_SECTION ".modapi_abi"
#define MODAPI_FRAMEWORK_SECTION ".modapi_framework"

/// Puts the mark into a library; `Name` keeps the marks of several modules in one file apart.
#define MODAPI_ABI_MARK(Name)                                                                                       \
    namespace {                                                                                                     \
    __attribute__((section(MODAPI_ABI_SECTION), used)) constexpr char modapi_abi_mark_##Name[] = MODAPI_ABI_STRING; \
    }
