# Builds hashes/hashes.cpp with both compilers, whatever CMAKE_CXX_COMPILER is, with contraction on and off, for every
# instruction set; each build is a test that compares its output with that of the first one. Those of Arm are built by
# Debian's cross compiler and run under qemu-user, if both are there.

# Cases `all` are compared between the compilers, on scalar and with AVX-512: unit tests compare them with the plain product on
# every instruction set. `short` has a case of each kind, `integers` those in which an instruction set differs from the one
# that it derives from. A compiler can only contract what is compiled for a CPU with fma: scalar is, with the flags of AVX2.
# compiler contract arch flags-of cases
set(variants
  "g++ off scalar scalar all"
  "g++ fast scalar avx2 short"
  "clang++ fast scalar avx2 all"
  "g++ fast avx2 avx2 short"
  "clang++ off avx2 avx2 short"
  "g++ off avx512vnni avx512vnni short"
  "clang++ fast avx512vnni avx512vnni all"
  "g++ fast avx512bw avx512bw short"
  "g++ fast avxvnni avxvnni integers"
  "g++ fast avx512amx avx512amx short"
  "clang++ fast avx512amx avx512amx short"
  "g++ fast sse42 sse42 integers"
  "clang++ fast sse42 sse42 integers"
  "aarch64-linux-gnu-g++ fast neon64 neon64 short"
  "aarch64-linux-gnu-g++ fast neon64_dotprod neon64_dotprod integers"
  "aarch64-linux-gnu-g++ fast neon64_i8mm neon64_i8mm integers")

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
  list(POP_FRONT variant compiler contract arch flags_of cases)
  string(MAKE_C_IDENTIFIER "OCTAVO_HASHES_${compiler}" path)
  find_program(${path} ${compiler})
  mark_as_advanced(${path})
  set(emulator)
  octavo_isa_flags(arch_flags ${flags_of})
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
  set(lists integers short all)
  list(FIND lists ${cases} length)
  set(name ${compiler}.${contract}.${arch})
  if(NOT flags_of STREQUAL arch)
    string(APPEND name .${flags_of})
  endif()
  set(program ${directory}/${name})
  add_custom_command(OUTPUT ${program}
    COMMAND ${${path}} -std=c++20 -O2 -ffp-contract=${contract} ${include_flags} ${arch_flags}
      -I${CMAKE_CURRENT_SOURCE_DIR} -DOCTAVO_HASH_ARCH=octavo::${arch} -DOCTAVO_HASH_CASES=${length}
      -pthread -MD -MT ${program} -MF ${program}.d -o ${program} ${source}
    DEPENDS ${source}
    DEPFILE ${program}.d
    COMMENT "Building hashes ${name}"
    VERBATIM)
  list(APPEND programs ${program})

  set(test hashes/${name})
  add_test(NAME ${test} COMMAND ${CMAKE_COMMAND}
    -DPROBE=$<TARGET_FILE:octavo_host_runs> -DARCH=${flags_of} "-DEMULATOR=${emulator}" -DPROGRAM=${program}
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
