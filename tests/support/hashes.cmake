# Builds hashes/hashes.cpp with both compilers, whatever CMAKE_CXX_COMPILER is, with contraction on and off, for every
# instruction set; each build is a test that compares its output with that of the first one. Those of Arm are built by
# Debian's cross compiler and run under qemu-user, if both are there.

# What differs only in its format (`all`) is compared between compilers and contractions on scalar, and with AVX-512: unit
# tests compare it with the plain product on every instruction set.
# compiler contract arch cases
set(variants
  "g++ off scalar all"
  "g++ fast scalar all"
  "clang++ off scalar all"
  "clang++ fast scalar all"
  "g++ off avx2 short"
  "g++ fast avx2 short"
  "clang++ off avx2 short"
  "clang++ fast avx2 short"
  "g++ fast avx512vnni all"
  "clang++ fast avx512vnni short"
  "g++ fast avx512amx short"
  "clang++ fast avx512amx short"
  "g++ fast sse42 short"
  "clang++ fast sse42 short"
  "g++ fast avxvnni short"
  "clang++ fast avx512bw short"
  "g++ fast avx512bw short"
  "aarch64-linux-gnu-g++ fast neon64 short"
  "aarch64-linux-gnu-g++ fast neon64_dotprod short"
  "aarch64-linux-gnu-g++ fast neon64_i8mm short")

find_program(OCTAVO_QEMU_AARCH64 qemu-aarch64)
mark_as_advanced(OCTAVO_QEMU_AARCH64)
add_executable(octavo_host_runs support/host_runs.cpp)
target_link_libraries(octavo_host_runs PRIVATE octavo::octavo octavo_warnings)

octavo_include_flags(include_flags)
set(source ${CMAKE_CURRENT_SOURCE_DIR}/hashes/hashes.cpp)
set(directory ${CMAKE_CURRENT_BINARY_DIR}/hashes)
file(MAKE_DIRECTORY ${directory})
set(baseline ON)
set(programs)
foreach(variant IN LISTS variants)
  string(REPLACE " " ";" variant "${variant}")
  list(POP_FRONT variant compiler contract arch cases)
  string(MAKE_C_IDENTIFIER "OCTAVO_HASHES_${compiler}" path)
  find_program(${path} ${compiler})
  mark_as_advanced(${path})
  set(emulator)
  octavo_isa_flags(arch_flags ${arch})
  if(arch MATCHES "^neon64")
    set(emulator ${OCTAVO_QEMU_AARCH64} -cpu max)
    # The headers of the dependencies lie beside those of the host's C library, which must not come first.
    list(APPEND arch_flags -static -idirafter /usr/include)
    if(NOT OCTAVO_QEMU_AARCH64)
      continue()
    endif()
  endif()
  if(NOT ${path})
    continue()
  endif()
  if(cases STREQUAL "short")
    list(APPEND arch_flags -DOCTAVO_HASH_SHORT)
  endif()

  set(name ${compiler}.${contract}.${arch})
  set(program ${directory}/${name})
  add_custom_command(OUTPUT ${program}
    COMMAND ${${path}} -std=c++20 -O2 -ffp-contract=${contract} ${include_flags} ${arch_flags}
      -I${CMAKE_CURRENT_SOURCE_DIR} -DOCTAVO_HASH_ARCH=octavo::${arch}
      -pthread -MD -MT ${program} -MF ${program}.d -o ${program} ${source}
    DEPENDS ${source}
    DEPFILE ${program}.d
    COMMENT "Building hashes ${name}"
    VERBATIM)
  list(APPEND programs ${program})

  set(test hashes/${name})
  add_test(NAME ${test} COMMAND ${CMAKE_COMMAND}
    -DPROBE=$<TARGET_FILE:octavo_host_runs> -DARCH=${arch} "-DEMULATOR=${emulator}" -DPROGRAM=${program}
    -DBASELINE=${directory}/baseline.txt -DWRITE=${baseline} -DCASES=${cases}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/support/run_hashes.cmake)
  set_tests_properties(${test} PROPERTIES LABELS hashes SKIP_REGULAR_EXPRESSION "skipped: ")
  if(baseline)
    set_tests_properties(${test} PROPERTIES FIXTURES_SETUP octavo_hash_baseline)
    set(baseline OFF)
  else()
    set_tests_properties(${test} PROPERTIES FIXTURES_REQUIRED octavo_hash_baseline)
  endif()
endforeach()
add_custom_target(octavo_hashes ALL DEPENDS ${programs})
