# Projects of their own, each configured, built with strict warnings and run. Those of Octavo's ways into a build first, with
# this build's compiler and no flags of an instruction set; then one program, which compares the bits of several instruction
# sets, with other compilers, flags and dependencies.

set(octavo_prefix ${CMAKE_CURRENT_BINARY_DIR}/consumer/prefix)
add_test(NAME consumer/install COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${octavo_prefix})
set_tests_properties(consumer/install PROPERTIES FIXTURES_SETUP octavo_prefix LABELS consumer)

# octavo_add_consumer(<name> <project> COMPILER <path> [FLAGS <flag>...] [PREFIX <prefix>] [OPTIONS <-Dx=y>...])
function(octavo_add_consumer name project)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "COMPILER;PREFIX" "FLAGS;OPTIONS")
  set(flags -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror -D_GLIBCXX_ASSERTIONS ${arg_FLAGS})
  list(JOIN flags " " flags)
  set(prefix_path ${arg_PREFIX} ${octavo_prefix} ${CMAKE_PREFIX_PATH})
  add_test(NAME consumer/${name} COMMAND ${CMAKE_CTEST_COMMAND}
    --build-and-test ${CMAKE_CURRENT_SOURCE_DIR}/consumer/${project} ${CMAKE_CURRENT_BINARY_DIR}/consumer/${name}
    --build-generator ${CMAKE_GENERATOR}
    --build-options --fresh "-DCMAKE_PREFIX_PATH=${prefix_path}" -DCMAKE_CXX_COMPILER=${arg_COMPILER}
      "-DCMAKE_CXX_FLAGS=${flags}" ${arg_OPTIONS}
    --test-command consumer)
  set_tests_properties(consumer/${name} PROPERTIES FIXTURES_REQUIRED octavo_prefix LABELS consumer)
endfunction()

set(consumers find_package io add_subdirectory fetch_content pkg_config single_header two_versions)
find_package(PkgConfig QUIET)
if(NOT PKG_CONFIG_FOUND)
  message(STATUS "Octavo: no pkg-config, so the test `consumer/pkg_config` is skipped")
  list(REMOVE_ITEM consumers pkg_config)
endif()
if(NOT Python3_Interpreter_FOUND)
  message(STATUS "Octavo: no python3, so the test `consumer/single_header` is skipped")
  list(REMOVE_ITEM consumers single_header)
endif()
foreach(consumer IN LISTS consumers)
  octavo_add_consumer(${consumer} ${consumer} COMPILER ${CMAKE_CXX_COMPILER})
endforeach()

# name, compiler, instruction sets, flags. (g++ takes minutes for checks of memory with the defaults.)
set(asan "--param=asan-instrumentation-with-call-threshold=1 -fsanitize=address")
set(toolchains
  "g++-12      g++-12      avx2,scalar             -O1 -fno-exceptions -fno-rtti"
  "clang++-14  clang++-14  avx2,scalar             -O1 -fno-exceptions -fno-rtti"
  "clang++-16  clang++-16  avx512vnni,avx2,scalar  -O1"
  "clang++-19  clang++-19  avx512vnni,avx2,scalar  -O1"
  "g++.lto     g++         avx2,scalar             -O2 -flto=auto"
  "clang++.lto clang++     avx2,scalar             -O2 -flto"
  "address     g++         avx2,scalar             -O0 ${asan} -fno-sanitize-recover=all"
  "undefined   g++         avx2,scalar             -O0 -fsanitize=undefined -fno-sanitize-recover=all"
  "thread      g++         avx2,scalar             -O1 -fsanitize=thread")
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(TRANSFORM toolchains REPLACE "avx[^ ]*,scalar" "neon64,scalar")
endif()
foreach(toolchain IN LISTS toolchains)
  separate_arguments(toolchain UNIX_COMMAND "${toolchain}")
  list(POP_FRONT toolchain name compiler isas)
  string(MAKE_C_IDENTIFIER "OCTAVO_CONSUMER_${compiler}" path)
  find_program(${path} ${compiler})
  mark_as_advanced(${path})
  if(NOT ${path})
    message(STATUS "Octavo: no ${compiler}, so the test `consumer/${name}` is skipped")
    continue()
  endif()
  octavo_add_consumer(${name} toolchains COMPILER ${${path}} FLAGS ${toolchain} OPTIONS -DISAS=${isas})
endforeach()

# Other versions of the dependencies, each in a prefix of its own.
set(OCTAVO_OTHER_PREFIXES "$ENV{OCTAVO_OTHER_PREFIXES}" CACHE STRING
  "Installations of another Eigen or xsimd that consumer tests are run with, besides those found in /usr/local and /opt")
file(GLOB prefixes /usr/local /opt/*)
list(PREPEND prefixes ${OCTAVO_OTHER_PREFIXES})
set(others)
foreach(prefix IN LISTS prefixes)
  file(GLOB found ${prefix}/include/eigen3/Eigen/Core ${prefix}/include/xsimd/xsimd.hpp)
  string(FIND "${Eigen3_DIR} ${xsimd_DIR}" "${prefix}/" in_use)
  if(found AND in_use EQUAL -1)
    cmake_path(GET prefix FILENAME name)
    octavo_add_consumer(with.${name} toolchains COMPILER ${CMAKE_CXX_COMPILER} FLAGS -O1 PREFIX ${prefix}
      OPTIONS -DISAS=scalar -DEXPECT_IN=${prefix})
    list(APPEND others ${prefix})
  endif()
endforeach()
if(NOT others)
  message(STATUS "Octavo: no other Eigen or xsimd (OCTAVO_OTHER_PREFIXES), so consumers are tested with one of each")
endif()
