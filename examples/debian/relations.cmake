# What the packages need of each other and of Debian. Read when they are packed, so that it knows the number that they are
# packed under.
cmake_minimum_required(VERSION 3.25)
# Each package has a summary of its own, the first line of its description.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")

set(this "(= ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")

set(libraries libmodapi${CPACK_MODAPI_MAJOR})

# Packages of modules depend on the interface that they were built for: libmodapi/docs/versions.md.
file(STRINGS ${CPACK_MODAPI_HEADERS_MARK} mark REGEX "modapi_headers_mark\\[\\] = ")
string(REGEX REPLACE ".*\"([0-9a-f]+)\".*" "\\1" mark "${mark}")
set(marks ${mark})
file(STRINGS ${CPACK_MODAPI_SOURCE}/libmodapi/abi/interfaces.txt releases REGEX "^${CPACK_MODAPI_MAJOR}[.]")
list(TRANSFORM releases REPLACE "^[^ ]+ " "")
if(mark IN_LIST releases)
    list(APPEND marks ${releases})
    list(REMOVE_DUPLICATES marks)
endif()
list(TRANSFORM marks PREPEND modapi-interface-)
list(JOIN marks ", " CPACK_DEBIAN_LIBRARIES_PACKAGE_PROVIDES)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${libraries} ${this}, libboost-container1.81-dev, libboost-json1.81-dev, libboost1.81-dev, libspdlog-dev, libssl-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS "cmake, g++, libgtest-dev, make, pkg-config, python3")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "modapi-homeserver")

set(CPACK_DEBIAN_HOMESERVER_PACKAGE_DEPENDS "${libraries} ${this}, adduser")
set(CPACK_DEBIAN_HOMESERVER_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_HOMESERVER_PACKAGE_SUGGESTS "modapi-python ${this}, postgresql, redis-server")

set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS
    "${libraries} ${this}, python3 (>= 3.11), python3-attr, python3-twisted, python3-typing-extensions")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS "python3-jinja2")
set(CPACK_DEBIAN_PYTHON_PACKAGE_ENHANCES "modapi-homeserver")
