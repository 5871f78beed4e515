# Boost must be 1.81: Debian's default of 1.74 has no Boost.JSON of this shape, and mixing the two breaks at run time.
find_package(Threads REQUIRED)
find_package(Boost 1.81.0 EXACT CONFIG REQUIRED COMPONENTS headers json container program_options filesystem)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(CURL REQUIRED)
find_package(prometheus-cpp REQUIRED)

# hiredis, whose CMake files name no target, libpq, libseccomp, libsodium, libyaml and the mustache templates come without CMake files.
find_path(HIREDIS_INCLUDE_DIR hiredis/hiredis.h REQUIRED)
find_library(HIREDIS_LIBRARY hiredis REQUIRED)
add_library(modapi_hiredis INTERFACE)
target_include_directories(modapi_hiredis SYSTEM INTERFACE ${HIREDIS_INCLUDE_DIR})
target_link_libraries(modapi_hiredis INTERFACE ${HIREDIS_LIBRARY})

find_path(LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(LIBPQ_LIBRARY pq REQUIRED)
add_library(modapi_libpq INTERFACE)
target_include_directories(modapi_libpq SYSTEM INTERFACE ${LIBPQ_INCLUDE_DIR})
target_link_libraries(modapi_libpq INTERFACE ${LIBPQ_LIBRARY})

find_path(SECCOMP_INCLUDE_DIR seccomp.h REQUIRED)
find_library(SECCOMP_LIBRARY seccomp REQUIRED)
add_library(modapi_libseccomp INTERFACE)
target_include_directories(modapi_libseccomp SYSTEM INTERFACE ${SECCOMP_INCLUDE_DIR})
target_link_libraries(modapi_libseccomp INTERFACE ${SECCOMP_LIBRARY})

find_path(SODIUM_INCLUDE_DIR sodium.h REQUIRED)
find_library(SODIUM_LIBRARY sodium REQUIRED)
add_library(modapi_sodium INTERFACE)
target_include_directories(modapi_sodium SYSTEM INTERFACE ${SODIUM_INCLUDE_DIR})
target_link_libraries(modapi_sodium INTERFACE ${SODIUM_LIBRARY})

find_path(YAML_INCLUDE_DIR yaml.h REQUIRED)
find_library(YAML_LIBRARY yaml REQUIRED)
add_library(modapi_libyaml INTERFACE)
target_include_directories(modapi_libyaml SYSTEM INTERFACE ${YAML_INCLUDE_DIR})
target_link_libraries(modapi_libyaml INTERFACE ${YAML_LIBRARY})

find_path(MUSTACHE_INCLUDE_DIR kainjow/mustache.hpp REQUIRED)
add_library(modapi_mustache INTERFACE)
target_include_directories(modapi_mustache SYSTEM INTERFACE ${MUSTACHE_INCLUDE_DIR})
