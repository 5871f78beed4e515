# modapi_add_module(<name> SOURCES <source>...)
#
# Builds a module library: <build>/modules/<name>.so, without `lib` in front, so that `<name>.Class` in the configuration finds the
# class that one of the sources exports with MODAPI_MODULE(Class). The target is called <name>; link more to it as to any target.
#
# Everything in the library is hidden but what MODAPI_MODULE exports: two modules may use the same names. A symbol that neither
# the framework nor a linked library defines is an error of this build and not of the server's start.
function(modapi_add_module name)
    cmake_parse_arguments(PARSE_ARGV 1 module "" "" SOURCES)
    if(module_UNPARSED_ARGUMENTS OR NOT module_SOURCES)
        message(FATAL_ERROR "modapi_add_module(${name}): write modapi_add_module(<name> SOURCES <source>...)")
    endif()
    add_library(${name} MODULE ${module_SOURCES})
    target_link_libraries(${name} PRIVATE modapi::modapi)
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
