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
    INSTALL_RPATH "\$ORIGIN" VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

write_basic_package_version_file(${PROJECT_BINARY_DIR}/modapi-config-version.cmake COMPATIBILITY SameMinorVersion)

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
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT modapi-${component} NAMESPACE modapi:: FILE modapi-${component}-targets.cmake DESTINATION ${package_folder})
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/installed/modapi-config.cmake ${PROJECT_BINARY_DIR}/modapi-config-version.cmake
              ${PROJECT_BINARY_DIR}/modapi-headers.txt libmodapi/cmake/module.cmake libmodapi/cmake/headers_mark.cmake
              tests/check_coroutine_forms.py DESTINATION ${package_folder})

# What runs in the processes of Python modules; libmodapi.so finds it beside its folder.
install(DIRECTORY libmodapi/python/modapi_bridge libmodapi/python/synapse DESTINATION ${CMAKE_INSTALL_DATADIR}/modapi/python
    FILES_MATCHING PATTERN "*.py" PATTERN __pycache__ EXCLUDE)

# The documents that module and host authors read, and the project to copy, laid out as in the checkout so that links lead on.
install(DIRECTORY libmodapi/docs DESTINATION ${CMAKE_INSTALL_DOCDIR}/libmodapi)
install(FILES libmodapi/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/libmodapi)
install(FILES callbacks/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/callbacks)
install(FILES examples/modules/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/modules)
install(DIRECTORY examples/template examples/python DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples PATTERN build EXCLUDE
    PATTERN __pycache__ EXCLUDE)
