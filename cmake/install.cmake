# Install rules: headers, octavoConfig.cmake with its version file, octavo.pc, the license.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Nothing installed depends on the architecture, so nothing goes under lib/.
set(octavo_config_dir ${CMAKE_INSTALL_DATADIR}/cmake/octavo)

install(TARGETS octavo EXPORT octavoTargets FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT octavoTargets NAMESPACE octavo:: DESTINATION ${octavo_config_dir})
# A set of its own, so that only find_package(octavo COMPONENTS io) asks for what io needs.
install(TARGETS octavo_io EXPORT octavoIoTargets FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT octavoIoTargets NAMESPACE octavo:: DESTINATION ${octavo_config_dir})

write_basic_package_version_file(${PROJECT_BINARY_DIR}/octavoConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
configure_package_config_file(cmake/octavoConfig.cmake.in ${PROJECT_BINARY_DIR}/octavoConfig.cmake
  INSTALL_DESTINATION ${octavo_config_dir} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
install(
  FILES
    ${PROJECT_BINARY_DIR}/octavoConfig.cmake
    ${PROJECT_BINARY_DIR}/octavoConfigVersion.cmake
    cmake/dependencies.cmake
    cmake/io_dependencies.cmake
    cmake/multi_isa.cmake
  DESTINATION ${octavo_config_dir})

# Relative to the .pc file, so that the tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig OUTPUT_VARIABLE octavo_pc_includedir)
configure_file(cmake/octavo.pc.in octavo.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/octavo.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
