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
