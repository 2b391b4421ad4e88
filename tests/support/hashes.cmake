# Builds hashes/hashes.cpp with both compilers, whatever CMAKE_CXX_COMPILER is, with contraction on and off, for
# three instruction sets; each build is a test that compares its output with that of the first one.

set(compilers)
foreach(name g++ clang++)
  string(MAKE_C_IDENTIFIER "OCTAVO_HASHES_${name}" variable)
  find_program(${variable} ${name})
  mark_as_advanced(${variable})
  if(${variable})
    list(APPEND compilers ${name})
    set(path_${name} ${${variable}})
  endif()
endforeach()

set(flags_scalar -march=x86-64)
set(flags_avx2 -mavx2 -mfma -mf16c)
set(flags_avx512vnni ${flags_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512cd -mavx512ifma -mavx512vbmi
  -mavx512vnni -mavx512bf16)
set(features_scalar)
set(features_avx2 avx2,fma)
set(features_avx512vnni avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512cd,avx512ifma,avx512vbmi,avx512vnni,avx512bf16)

add_executable(octavo_host_runs support/host_runs.cpp)
target_link_libraries(octavo_host_runs PRIVATE octavo_warnings)

octavo_include_flags(include_flags)
set(source ${CMAKE_CURRENT_SOURCE_DIR}/hashes/hashes.cpp)
set(directory ${CMAKE_CURRENT_BINARY_DIR}/hashes)
file(MAKE_DIRECTORY ${directory})
set(baseline ON)
set(programs)
foreach(arch scalar avx2 avx512vnni)
  foreach(compiler IN LISTS compilers)
    foreach(contract off fast)
      set(variant ${compiler}.${contract}.${arch})
      set(program ${directory}/${variant})
      add_custom_command(OUTPUT ${program}
        COMMAND ${path_${compiler}} -std=c++20 -O2 -ffp-contract=${contract} ${flags_${arch}} ${include_flags}
          -I${CMAKE_CURRENT_SOURCE_DIR}
          -DOCTAVO_HASH_ARCH=octavo::${arch} -pthread -MD -MT ${program} -MF ${program}.d -o ${program} ${source}
        DEPENDS ${source}
        DEPFILE ${program}.d
        COMMENT "Building hashes ${variant}"
        VERBATIM)
      list(APPEND programs ${program})

      set(test hashes/${variant})
      add_test(NAME ${test} COMMAND ${CMAKE_COMMAND}
        -DPROBE=$<TARGET_FILE:octavo_host_runs> -DFEATURES=${features_${arch}} -DPROGRAM=${program}
        -DBASELINE=${directory}/baseline.txt -DWRITE=${baseline}
        -P ${CMAKE_CURRENT_SOURCE_DIR}/support/run_hashes.cmake)
      set_tests_properties(${test} PROPERTIES LABELS hashes SKIP_REGULAR_EXPRESSION "skipped: ")
      if(baseline)
        set_tests_properties(${test} PROPERTIES FIXTURES_SETUP octavo_hash_baseline)
        set(baseline OFF)
      else()
        set_tests_properties(${test} PROPERTIES FIXTURES_REQUIRED octavo_hash_baseline)
      endif()
    endforeach()
  endforeach()
endforeach()
add_custom_target(octavo_hashes ALL DEPENDS ${programs})
