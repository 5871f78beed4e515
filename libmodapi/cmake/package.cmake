# What find_package(modapi) finds: in the build tree (modapi_DIR=build/release) and after an installation.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(modapi_targets modapi_flags modapi_async modapi_callbacks modapi_modapi modapi_async_testing modapi_testing)
set_target_properties(modapi_flags PROPERTIES EXPORT_NAME flags)
set_target_properties(modapi_async PROPERTIES EXPORT_NAME async)
set_target_properties(modapi_callbacks PROPERTIES EXPORT_NAME callbacks)
set_target_properties(modapi_modapi PROPERTIES EXPORT_NAME modapi)
set_target_properties(modapi_async_testing PROPERTIES EXPORT_NAME async_testing)
set_target_properties(modapi_testing PROPERTIES EXPORT_NAME testing)
# The libraries find each other wherever they are installed.
set_target_properties(modapi_async modapi_callbacks modapi_modapi PROPERTIES INSTALL_RPATH "\$ORIGIN")

write_basic_package_version_file(${PROJECT_BINARY_DIR}/modapi-config-version.cmake COMPATIBILITY SameMinorVersion)

# Build tree.
export(TARGETS ${modapi_targets} NAMESPACE modapi:: FILE ${PROJECT_BINARY_DIR}/modapi-targets.cmake)
set(MODAPI_MODULE_CMAKE ${PROJECT_SOURCE_DIR}/libmodapi/cmake/module.cmake)
configure_package_config_file(libmodapi/cmake/modapi-config.cmake.in ${PROJECT_BINARY_DIR}/modapi-config.cmake
    INSTALL_PREFIX ${PROJECT_SOURCE_DIR} INSTALL_DESTINATION ${PROJECT_BINARY_DIR} PATH_VARS MODAPI_MODULE_CMAKE)

# Installation.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/modapi)
set(MODAPI_MODULE_CMAKE ${package_folder}/module.cmake)
configure_package_config_file(libmodapi/cmake/modapi-config.cmake.in ${PROJECT_BINARY_DIR}/installed/modapi-config.cmake
    INSTALL_DESTINATION ${package_folder} PATH_VARS MODAPI_MODULE_CMAKE)
install(TARGETS ${modapi_targets} EXPORT modapi
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT modapi NAMESPACE modapi:: FILE modapi-targets.cmake DESTINATION ${package_folder})
install(DIRECTORY libasync/include/ callbacks/include/ libmodapi/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/installed/modapi-config.cmake ${PROJECT_BINARY_DIR}/modapi-config-version.cmake
              libmodapi/cmake/module.cmake DESTINATION ${package_folder})
