# What octavo::octavo needs. The build and the installed octavoConfig.cmake both include this file.

# Eigen went from 3.4 to 5.0, and find_package(Eigen3 3.4) refuses 5: ask for none, then compare.
find_package(Eigen3 CONFIG REQUIRED)
if(Eigen3_VERSION VERSION_LESS 3.4)
  message(FATAL_ERROR "Octavo needs Eigen 3.4 or newer, found ${Eigen3_VERSION} in ${Eigen3_DIR}.")
endif()

# xsimd, as the target octavo_xsimd. Debian 12's own target `xsimd` links a library that does not exist (xtl), so
# of that target only the include directory is taken.
if(NOT TARGET octavo_xsimd)
  find_package(xsimd CONFIG QUIET)
  add_library(octavo_xsimd INTERFACE IMPORTED)
  if(TARGET xsimd::xsimd)
    target_link_libraries(octavo_xsimd INTERFACE xsimd::xsimd)
  else()
    if(TARGET xsimd)
      get_target_property(octavo_xsimd_dir xsimd INTERFACE_INCLUDE_DIRECTORIES)
    else()
      find_path(OCTAVO_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
      mark_as_advanced(OCTAVO_XSIMD_INCLUDE_DIR)
      set(octavo_xsimd_dir "${OCTAVO_XSIMD_INCLUDE_DIR}")
    endif()
    if(NOT octavo_xsimd_dir)
      message(FATAL_ERROR "Octavo needs xsimd 8.1 or newer: install it (Debian: libxsimd-dev), or set "
        "OCTAVO_XSIMD_INCLUDE_DIR to the directory that holds xsimd/xsimd.hpp.")
    endif()
    target_include_directories(octavo_xsimd INTERFACE "${octavo_xsimd_dir}")
    unset(octavo_xsimd_dir)
  endif()
endif()
