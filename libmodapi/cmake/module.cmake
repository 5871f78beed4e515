# modapi_add_module(<name> SOURCES <source>...)
#
# Builds a module library: <build>/modules/<name>.so, without `lib` in front, so that `<name>.Class` in the configuration finds the
# class that one of the sources exports with MODAPI_MODULE(Class). The target is called <name>; link more to it as to any target.
#
# Everything in the library is hidden but what MODAPI_MODULE exports: two modules may use the same names. Nothing in it is
# GNU_UNIQUE, one for the whole process, so that a server can load a new version beside the old one. A symbol that neither the
# framework nor a linked library defines is an error of this build and not of the server's start. Its version is the project's.
function(modapi_add_module name)
    cmake_parse_arguments(PARSE_ARGV 1 module "" "" SOURCES)
    if(module_UNPARSED_ARGUMENTS OR NOT module_SOURCES)
        message(FATAL_ERROR "modapi_add_module(${name}): write modapi_add_module(<name> SOURCES <source>...)")
    endif()
    add_library(${name} MODULE ${module_SOURCES})
    target_link_libraries(${name} PRIVATE modapi::modapi)
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)  # clang makes no such symbols
    if(PROJECT_VERSION)
        target_compile_definitions(${name} PRIVATE MODAPI_MODULE_VERSION="${PROJECT_VERSION}")
    endif()
    modapi_mark_headers(${name})
    set_target_properties(${name} PROPERTIES
        PREFIX ""
        SUFFIX ".so"
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/modules)
    # The sanitizers' own functions are only found at run time.
    if(NOT "${MODAPI_SANITIZE}${CMAKE_CXX_FLAGS}" MATCHES "address|thread|undefined")
        target_link_options(${name} PRIVATE LINKER:--no-undefined)
    endif()
endfunction()

# modapi_mark_headers(<target>)
#
# Marks a library with the framework's headers that it is built against, as modapi_add_module does: the server loads only modules that
# were built against its own. Made when the library is built, from the headers that its include folders lead to; a change of one of them
# makes the mark anew and compiles nothing but that.
function(modapi_mark_headers target)
    get_property(names GLOBAL PROPERTY MODAPI_HEADER_NAMES)
    set(mark ${CMAKE_CURRENT_BINARY_DIR}/${target}_headers_mark)
    add_custom_command(
        OUTPUT ${mark}.cpp
        COMMAND ${CMAKE_COMMAND} -DNAMES=${names} "-DFOLDERS=$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>"
            -DSOURCE=${mark}.cpp -DDEPENDENCIES=${mark}.d -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/headers_mark.cmake
        DEPENDS ${names} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/headers_mark.cmake
        DEPFILE ${mark}.d
        COMMENT "Marking ${target} with the headers that it is built against"
        VERBATIM)
    target_sources(${target} PRIVATE ${mark}.cpp)
    set_source_files_properties(${mark}.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    set_target_properties(${target} PROPERTIES MODAPI_HEADERS_MARK ${mark}.cpp)
endfunction()

# modapi_check_coroutine_forms(<target>)
#
# Adds the test <target>.coroutine_forms: no source of the target has a statement with co_await that GCC 12 miscompiles. Needs Python 3.
function(modapi_check_coroutine_forms target)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    set(program ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_coroutine_forms.py)  # installed beside this file
    if(NOT EXISTS ${program})
        set(program ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../tests/check_coroutine_forms.py)
    endif()
    get_target_property(sources ${target} SOURCES)
    get_target_property(folder ${target} SOURCE_DIR)
    add_test(NAME ${target}.coroutine_forms COMMAND ${Python3_EXECUTABLE} ${program} ${sources} WORKING_DIRECTORY ${folder})
endfunction()
