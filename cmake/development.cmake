# What tests, benchmarks and examples are compiled with. The library target gets none of this.

option(OCTAVO_WERROR "Warnings are errors in tests, benchmarks and examples" OFF)
set(OCTAVO_SANITIZE "" CACHE STRING "Sanitizers for tests, benchmarks and examples: address;undefined or thread")
set(OCTAVO_NATIVE_FLAGS "-march=native" CACHE STRING
  "Instruction set flags for tests, benchmarks and examples; the library target never gets them")
separate_arguments(octavo_native_flags UNIX_COMMAND "${OCTAVO_NATIVE_FLAGS}")

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_EXTENSIONS OFF)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
  endif()
endif()

find_package(Threads REQUIRED)

add_library(octavo_warnings INTERFACE)
# g++ 12 reports an uninitialized operand inside its own AVX-512 intrinsics (GCC bug 105593) wherever Eigen or xsimd use the
# plain forms, as transposes of Eigen and epilogues with xsimd's max do. Octavo uses the masked forms; clang++ still warns.
target_compile_options(octavo_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-uninitialized>
  $<$<BOOL:${OCTAVO_WERROR}>:-Werror>)

# octavo_development: the library, the warnings, the host's instruction set, the sanitizers.
add_library(octavo_development INTERFACE)
# Kernels are as fast with -O2 as with Release's -O3, and compile a fifth faster.
target_compile_options(octavo_development INTERFACE ${octavo_native_flags} $<$<CONFIG:Release,RelWithDebInfo>:-O2>)
target_link_libraries(octavo_development INTERFACE octavo::octavo octavo_warnings Threads::Threads)
if(OCTAVO_SANITIZE)
  list(JOIN OCTAVO_SANITIZE "," octavo_sanitizers)
  target_compile_options(octavo_development INTERFACE
    -fsanitize=${octavo_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(octavo_development INTERFACE -fsanitize=${octavo_sanitizers})
endif()

# Include flags for commands that call a compiler directly (compile_fail, hashes), whatever CMAKE_CXX_COMPILER is:
# ours by -I, the dependencies' by -isystem. The compiler's own directories are left out: -isystem /usr/include
# breaks #include_next.
function(octavo_include_flags out)
  set(flags -I${PROJECT_SOURCE_DIR}/include)
  foreach(target Eigen3::Eigen octavo_xsimd xsimd::xsimd)
    if(TARGET ${target})
      get_target_property(dirs ${target} INTERFACE_INCLUDE_DIRECTORIES)
      foreach(dir IN LISTS dirs)
        if(IS_DIRECTORY "${dir}" AND NOT dir IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
          list(APPEND flags -isystem ${dir})
        endif()
      endforeach()
    endif()
  endforeach()
  set(${out} ${flags} PARENT_SCOPE)
endfunction()
