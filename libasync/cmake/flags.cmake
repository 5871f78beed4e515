# What every target of the project and every module built against it must share: language and sanitizers.
add_library(modapi_flags INTERFACE)
add_library(modapi::flags ALIAS modapi_flags)
target_compile_features(modapi_flags INTERFACE cxx_std_20)
target_compile_options(modapi_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fcoroutines>)
if(MODAPI_SANITIZE)
    target_compile_options(modapi_flags INTERFACE -fsanitize=${MODAPI_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(modapi_flags INTERFACE -fsanitize=${MODAPI_SANITIZE})
    # Sanitizers leave millions of addresses in a program, which one that isn't position-independent needn't relocate: it starts
    # in two thirds of the time, and each test is a start.
    target_link_options(modapi_flags INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-no-pie>)
    if(MODAPI_SANITIZE MATCHES "thread")
        # ThreadSanitizer does not understand the fences Asio uses.
        target_compile_definitions(modapi_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
        target_compile_options(modapi_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
    endif()
endif()

# What only the project's own sources are held to.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror
    # Debug builds stay quick enough to run the whole test suite under a sanitizer; GCC needs a quarter less time than for -O1.
    $<$<CONFIG:Debug>:-Og>
    # GCC's -Wmaybe-uninitialized and -Wmismatched-new-delete misfire on coroutine frames and on instrumented code.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
    # -Wrestrict misfires on "text" + string (GCC bug 105651).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    # In a batch a source is an included file, where GCC takes its anonymous namespace for one of a header.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>)

# A compiler cache turns the second build of anything into seconds, in another checkout too: paths are told relative to this one.
find_program(MODAPI_CCACHE ccache)
if(MODAPI_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${MODAPI_CCACHE})
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
