# Several instruction sets in one binary are objects compiled with different flags, and the linker keeps one of all
# weak symbols (templates, inline functions) of a name: code for a new CPU could be what an old one runs. So every
# weak symbol must have its instruction set in its name. These tests compile symbols/symbols.cpp, every operation, by
# g++ for each instruction set and by clang++ for two, and look at the symbols: at -O0, where nothing is inlined that need
# not be, and once at -O2, where g++ guesses targets of virtual functions and compiles those. Included, this file adds the
# tests. At -O0 warnings are errors: there g++ has macros for intrinsics. As a script it is one of the tests: COMPILER,
# FLAGS, SOURCE, OBJECT, NM, FILT, ISA.

# What a name must contain, for each instruction set. Wrappers of another one must be there in Octavo's names.
set(names_scalar "6scalar")
set(names_avx2 "4avx2"
  # A register of xsimd derives from that of the instruction set that had it first, and converts as it does.
  "^W _ZNK5xsimd5types13simd_registerI[fi]NS_3avxEEcv")
set(names_sse42 "6sse4_2" "^W _ZNK?5xsimd5types13simd_registerI[fi]NS_(4sse[23]|5ssse3|6sse4_1)EE(C[12]|cv)")
# xsimd 8.1 names no instruction set in its wrappers of single Arm intrinsics, nor in the tuples of pointers to them. Every
# 64-bit Arm has these, and there is nothing in one of them that other flags could change.
set(names_neon64 "6neon64" "^W _ZNK?5xsimd(5types|6detail|6kernel)" "^W _ZN?K?St[^ ]*PF1[0-9]__(Int|Float)32x4_tS[0-9A-Z]*_S")
set(names_avx512vnni "6dpbf16INS[0-9A-Z]*_4vbmiINS[0-9A-Z]*_4vnniI" "^W _ZNK?5xsimd.*[78]avx512(f|cd|dq|bw)")

set(names_avx512amx "3amxI" "^W _ZNK?5xsimd.*[78]avx512(f|cd|dq|bw)")

# Weak symbols that are the same whatever the flags: type and mangled name.
set(allowed
  # A pointer to the exception handler of the C++ library.
  "^V DW\\.ref\\.__gxx_personality_v0$"
  # Data, not code: the values of constexpr variables.
  "^[Vu] _ZN6octavo2v0"
  # They call a virtual function, and placement new, which returns its argument: nothing that flags could change.
  "^W _ZNSt3pmr15memory_resource(8allocateEmm|10deallocateEPvmm)$" "^W _ZnwmPv$"
  # clang's own: what leaves a noexcept function ends in std::terminate.
  "^W __clang_call_terminate$")

if(NOT CMAKE_SCRIPT_MODE_FILE)
  octavo_include_flags(include_flags)
  find_program(OCTAVO_CXXFILT c++filt)
  mark_as_advanced(OCTAVO_CXXFILT)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/symbols)
  foreach(compiler g++ clang++ aarch64-linux-gnu-g++)
    string(MAKE_C_IDENTIFIER "OCTAVO_SYMBOLS_${compiler}" path)
    find_program(${path} ${compiler})
    mark_as_advanced(${path})
    if(NOT ${path} OR NOT CMAKE_NM)
      continue()
    endif()
    set(variants scalar sse42 avx2 avx512vnni)
    if(compiler STREQUAL "g++")
      list(APPEND variants avx512amx avx2.O2)
    elseif(compiler STREQUAL "clang++")  # where it differs from g++, it does so on each
      set(variants avx2 avx512vnni)
    elseif(compiler MATCHES "^aarch64")
      set(variants neon64)
    endif()
    foreach(variant IN LISTS variants)
      string(REGEX MATCH "^[^.]+" isa ${variant})
      octavo_isa_flags(isa_flags ${isa})
      if(variant MATCHES "O2$")
        list(APPEND isa_flags -O2)
      else()
        list(APPEND isa_flags -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)
      endif()
      if(variant MATCHES "^neon64")  # as in hashes.cmake
        list(APPEND isa_flags -idirafter /usr/include)
      endif()
      set(test symbols/${compiler}.${variant})
      add_test(NAME ${test} COMMAND ${CMAKE_COMMAND}
        -DCOMPILER=${${path}} "-DFLAGS=${isa_flags};${include_flags}" -DISA=${isa}
        -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/symbols/symbols.cpp
        -DOBJECT=${CMAKE_CURRENT_BINARY_DIR}/symbols/${compiler}.${variant}.o
        -DNM=${CMAKE_NM} -DFILT=${OCTAVO_CXXFILT} -P ${CMAKE_CURRENT_LIST_FILE})
      set_tests_properties(${test} PROPERTIES LABELS symbols)
    endforeach()
  endforeach()
  return()
endif()

execute_process(COMMAND ${COMPILER} -std=c++20 -O0 ${FLAGS} -DOCTAVO_ISA=octavo::${ISA} -c ${SOURCE} -o ${OBJECT}
  RESULT_VARIABLE result ERROR_VARIABLE errors)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} does not compile:\n${errors}")
endif()
execute_process(COMMAND ${NM} --defined-only ${OBJECT}
  RESULT_VARIABLE result OUTPUT_VARIABLE lines ERROR_VARIABLE errors)
file(REMOVE ${OBJECT})
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${NM} failed (${result}): ${errors}")
endif()

string(REGEX MATCHALL "[WVu] [^\n]+" symbols "${lines}")
list(LENGTH symbols count)
if(count LESS 50)
  message(FATAL_ERROR "${OBJECT} has ${count} weak symbols. Operations have more: what has become of them?")
endif()
set(faults)
foreach(symbol IN LISTS symbols)
  set(fault ON)
  foreach(pattern IN LISTS names_${ISA} allowed)
    if(symbol MATCHES "${pattern}")
      set(fault OFF)
      break()
    endif()
  endforeach()
  if(fault)
    string(SUBSTRING "${symbol}" 2 -1 name)
    list(APPEND faults ${name})
  endif()
endforeach()
if(NOT faults)
  message("${count} weak symbols, all with ${ISA} in their names or in the list of those that may do without")
  return()
endif()
if(FILT)
  execute_process(COMMAND ${FILT} ${faults} OUTPUT_VARIABLE faults OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REPLACE "\n" "\n  " faults "${faults}")
else()
  list(JOIN faults "\n  " faults)
endif()
message("weak symbols without ${ISA} in their names:\n  ${faults}")
message(FATAL_ERROR "Make each of these functions [[gnu::always_inline]], or a template on the instruction set. In "
  "place of a function of the standard library take one of core/index.hpp, table.hpp, unroll.hpp, or a builtin.")
