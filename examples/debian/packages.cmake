# The Debian packages of this build, which examples/package packs. Who installs with `cmake --install` gets nothing of what only
# packages have: their parts are left out there.
set(packaged ${CMAKE_CURRENT_LIST_DIR})
set(made ${PROJECT_BINARY_DIR}/debian)

# What the package of the server has beside it: a configuration that lacks the name that only its operator knows, a unit, manual
# pages.
install(FILES ${packaged}/homeserver.yaml DESTINATION /etc/modapi COMPONENT homeserver EXCLUDE_FROM_ALL)
install(FILES ${packaged}/modapi-homeserver.service DESTINATION /lib/systemd/system COMPONENT homeserver EXCLUDE_FROM_ALL)
install(PROGRAMS ${packaged}/has-server-name DESTINATION ${CMAKE_INSTALL_LIBDIR}/modapi COMPONENT homeserver EXCLUDE_FROM_ALL)
foreach(program homeserver modapi)
    configure_file(${packaged}/${program}.1.in ${made}/${program}.1 @ONLY)
    install(FILES ${made}/${program}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT homeserver EXCLUDE_FROM_ALL)
endforeach()
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_custom_command(OUTPUT ${made}/homeserver.yaml.5
    COMMAND ${Python3_EXECUTABLE} -B ${packaged}/settings_page.py ${PROJECT_SOURCE_DIR}/examples/homeserver/README.md
        ${PROJECT_VERSION} ${made}/homeserver.yaml.5
    DEPENDS ${packaged}/settings_page.py ${PROJECT_SOURCE_DIR}/examples/homeserver/README.md
    VERBATIM)
add_custom_target(manual_pages DEPENDS ${made}/homeserver.yaml.5)
install(FILES ${made}/homeserver.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT homeserver EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_SOURCE_DIR}/examples/homeserver/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/homeserver
    COMPONENT homeserver)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME modapi)
set(CPACK_PACKAGE_VENDOR "The modapi maintainers")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL libraries development homeserver python)
# Absolute paths are those of the package.
set(CPACK_SET_DESTDIR ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_PROJECT_CONFIG_FILE ${packaged}/relations.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${packaged}/finish.cmake)

set(MODAPI_PACKAGE_MAINTAINER "The modapi maintainers <maintainers@modapi.invalid>" CACHE STRING
    "Who answers for the Debian packages: Name <address>")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${MODAPI_PACKAGE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})

set(CPACK_DEBIAN_LIBRARIES_PACKAGE_NAME libmodapi${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_LIBRARIES_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARIES_PACKAGE_SHLIBDEPS ON)
# What a package needs that is built against a library: this version of it, or a later one.
set(shlibs "")
foreach(library modapi modapi_async modapi_async_hooks modapi_callbacks)
    string(APPEND shlibs "lib${library} ${PROJECT_VERSION_MAJOR} libmodapi${PROJECT_VERSION_MAJOR} (>= ${PROJECT_VERSION})\n")
endforeach()
file(CONFIGURE OUTPUT ${made}/shlibs CONTENT "${shlibs}" @ONLY)
set(CPACK_DEBIAN_LIBRARIES_PACKAGE_CONTROL_EXTRA ${packaged}/libraries/triggers ${made}/shlibs)
set(CPACK_COMPONENT_LIBRARIES_DESCRIPTION "asynchronous module callbacks for homeservers
A homeserver extends itself with modules: classes that it builds from its
configuration and awaits at fixed points of its work. These are the libraries
that hosts and modules share, in C++20 coroutines, with the contract of
Synapse's pluggable modules.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmodapi-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "asynchronous module callbacks for homeservers: headers, test kit
What modules and hosts are built and tested with: headers, a CMake package,
pkg-config files, a test kit that makes up users, rooms, network and time,
a module project to copy, and the documents.")

set(CPACK_DEBIAN_HOMESERVER_PACKAGE_NAME modapi-homeserver)
set(CPACK_DEBIAN_HOMESERVER_PACKAGE_SECTION net)
set(CPACK_DEBIAN_HOMESERVER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_HOMESERVER_PACKAGE_CONTROL_EXTRA ${packaged}/conffiles ${packaged}/homeserver/postinst
    ${packaged}/homeserver/prerm ${packaged}/homeserver/postrm)
set(CPACK_COMPONENT_HOMESERVER_DESCRIPTION "reference homeserver for modapi modules
A small Matrix homeserver that fires every callback of the module contract
over HTTP, with the contract's example modules and ports of published ones.
It runs as a service once its configuration has a server_name.")

set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME modapi-python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA ${packaged}/python/postinst ${packaged}/python/prerm)
set(CPACK_COMPONENT_PYTHON_DESCRIPTION "homeserver modules that are written in Python, for modapi
Loads modules that were written for Synapse as they are, in a process beside
the server. This is what runs in that process.")

# For relations.cmake and finish.cmake.
set(CPACK_MODAPI_HEADERS_MARK ${PROJECT_BINARY_DIR}/libmodapi/modapi_modapi_headers_mark.cpp)
set(CPACK_MODAPI_SOURCE ${PROJECT_SOURCE_DIR})
set(CPACK_MODAPI_MAJOR ${PROJECT_VERSION_MAJOR})
include(CPack)
