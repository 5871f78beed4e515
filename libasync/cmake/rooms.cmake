# How the house is built: a room is a folder with `include` and `src` and is one target. It sees the headers of the rooms that it
# links to and of no others, so that an include which points up doesn't compile.
include(GNUInstallDirs)
# Installed headers lie below one folder of their own; the forms of includes don't change by it.
set(MODAPI_INSTALL_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR}/modapi)

# modapi_headers(<target>): this folder's headers are the target's.
function(modapi_headers target)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${MODAPI_INSTALL_INCLUDEDIR}>)
    install(DIRECTORY include/ DESTINATION ${MODAPI_INSTALL_INCLUDEDIR} COMPONENT development)
endfunction()

# modapi_room(<name> [SOURCES <source>...] [LINKS <target>...] [PRIVATE_LINKS <target>...]): a room of a library that is built from
# several. Its target is modapi_<name>.
function(modapi_room name)
    cmake_parse_arguments(PARSE_ARGV 1 room "" "" "SOURCES;LINKS;PRIVATE_LINKS")
    add_library(modapi_${name} OBJECT ${room_SOURCES})
    modapi_headers(modapi_${name})
    target_include_directories(modapi_${name} PRIVATE src)
    target_link_libraries(modapi_${name} PUBLIC ${room_LINKS} PRIVATE ${room_PRIVATE_LINKS})
endfunction()

# modapi_join(<library> <room>...): the library consists of these rooms; who links to it sees the headers of all of them.
function(modapi_join library)
    foreach(room IN LISTS ARGN)
        target_sources(${library} PRIVATE $<TARGET_OBJECTS:modapi_${room}>)
        get_target_property(folder modapi_${room} SOURCE_DIR)
        target_include_directories(${library} PUBLIC $<BUILD_INTERFACE:${folder}/include>)
    endforeach()
    target_include_directories(${library} PUBLIC $<INSTALL_INTERFACE:${MODAPI_INSTALL_INCLUDEDIR}>)
endfunction()
