# What find_package(modapi) finds: in the build tree (modapi_DIR=build/release) and after an installation.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Component `async`, which suffices for callbacks of one's own, and the rest, which stands on it.
set(modapi_async_targets flags async async_hooks async_testing)
set(modapi_contract_targets callbacks modapi testing)
foreach(target IN LISTS modapi_async_targets modapi_contract_targets)
    set_target_properties(modapi_${target} PROPERTIES EXPORT_NAME ${target})
endforeach()
list(TRANSFORM modapi_async_targets PREPEND modapi_)
list(TRANSFORM modapi_contract_targets PREPEND modapi_)
# The libraries find each other wherever they are installed, and say in their name which version they are.
set_target_properties(modapi_async modapi_async_hooks modapi_callbacks modapi_modapi PROPERTIES
    INSTALL_RPATH "\$ORIGIN" VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})

write_basic_package_version_file(${PROJECT_BINARY_DIR}/modapi-config-version.cmake COMPATIBILITY SameMajorVersion)

# Build tree.
export(TARGETS ${modapi_async_targets} NAMESPACE modapi:: FILE ${PROJECT_BINARY_DIR}/modapi-async-targets.cmake)
export(TARGETS ${modapi_contract_targets} NAMESPACE modapi:: FILE ${PROJECT_BINARY_DIR}/modapi-contract-targets.cmake)
set(MODAPI_MODULE_CMAKE ${PROJECT_SOURCE_DIR}/libmodapi/cmake/module.cmake)
configure_package_config_file(libmodapi/cmake/modapi-config.cmake.in ${PROJECT_BINARY_DIR}/modapi-config.cmake
    INSTALL_PREFIX ${PROJECT_SOURCE_DIR} INSTALL_DESTINATION ${PROJECT_BINARY_DIR} PATH_VARS MODAPI_MODULE_CMAKE)

# Installation.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/modapi)
set(MODAPI_MODULE_CMAKE ${package_folder}/module.cmake)
configure_package_config_file(libmodapi/cmake/modapi-config.cmake.in ${PROJECT_BINARY_DIR}/installed/modapi-config.cmake
    INSTALL_DESTINATION ${package_folder} PATH_VARS MODAPI_MODULE_CMAKE)
foreach(component async contract)
    install(TARGETS ${modapi_${component}_targets} EXPORT modapi-${component}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libraries NAMELINK_COMPONENT development
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
    install(EXPORT modapi-${component} NAMESPACE modapi:: FILE modapi-${component}-targets.cmake DESTINATION ${package_folder}
        COMPONENT development)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/include/modapi/version.h DESTINATION ${MODAPI_INSTALL_INCLUDEDIR}/modapi
    COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/installed/modapi-config.cmake ${PROJECT_BINARY_DIR}/modapi-config-version.cmake
              ${PROJECT_BINARY_DIR}/modapi-headers.txt libmodapi/cmake/module.cmake libmodapi/cmake/headers_mark.cmake
              tests/check_coroutine_forms.py DESTINATION ${package_folder} COMPONENT development)

# For builds without CMake: pkg-config --cflags --libs modapi. What marks a library with its headers is a source here, as they
# stay what they are.
file(RELATIVE_PATH prefix_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig "${prefix_from_pkgconfig}")
foreach(name modapi-async modapi modapi-testing)
    configure_file(libmodapi/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/installed/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/installed/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)
endforeach()
install(FILES $<TARGET_PROPERTY:modapi_modapi,MODAPI_HEADERS_MARK> DESTINATION ${package_folder} RENAME headers_mark.cpp
    COMPONENT development)

# What runs in the processes of Python modules; libmodapi.so finds it beside its folder.
install(DIRECTORY libmodapi/python/modapi_bridge libmodapi/python/synapse DESTINATION ${CMAKE_INSTALL_DATADIR}/modapi/python
    COMPONENT python FILES_MATCHING PATTERN "*.py" PATTERN __pycache__ EXCLUDE)

# The documents that module and host authors read, and the project to copy, laid out as in the checkout so that links lead on.
install(DIRECTORY libmodapi/docs DESTINATION ${CMAKE_INSTALL_DOCDIR}/libmodapi COMPONENT development)
install(FILES libmodapi/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/libmodapi COMPONENT development)
install(FILES callbacks/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/callbacks COMPONENT development)
install(FILES examples/modules/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/modules COMPONENT development)
install(DIRECTORY examples/template examples/python DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT development
    PATTERN build EXCLUDE PATTERN __pycache__ EXCLUDE)
