# octavo_add_isa_sources(<target> <source>... ISAS <isa>...)
#
# Compiles the sources once for each instruction set, with its flags, into <target>. In these sources the macro OCTAVO_ISA
# names the instruction set (octavo::avx2); in all of <target>, OCTAVO_ISAS lists those that were compiled, in the order
# given, best first, for octavo::dispatch<octavo::arch_list<OCTAVO_ISAS>> (simd/dispatch.hpp).
#
# ISAS: scalar sse42 avx2 avxvnni avx512bw avx512vnni neon64 neon64_dotprod neon64_i8mm. Those of another processor family
# than the compiler's are left out; a compiler that is too old for one is an error.
include_guard(GLOBAL)

# octavo_isa_flags(<variable> <isa>): the compiler's flags of an instruction set.
function(octavo_isa_flags out isa)
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx512bw ${avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
  if(isa STREQUAL "scalar")
    set(flags)
  elseif(isa STREQUAL "sse42")
    set(flags -msse4.2)
  elseif(isa STREQUAL "avx2")
    set(flags ${avx2})
  elseif(isa STREQUAL "avxvnni")
    set(flags ${avx2} -mavxvnni)
  elseif(isa STREQUAL "avx512bw")
    set(flags ${avx512bw})
  elseif(isa STREQUAL "avx512vnni")
    set(flags ${avx512bw} -mavx512cd -mavx512ifma -mavx512vbmi -mavx512vnni -mavx512bf16)
  elseif(isa STREQUAL "neon64")
    set(flags -march=armv8-a)
  elseif(isa STREQUAL "neon64_dotprod")
    set(flags -march=armv8.2-a+dotprod)
  elseif(isa STREQUAL "neon64_i8mm")
    set(flags -march=armv8.2-a+dotprod+i8mm)
  else()
    message(FATAL_ERROR "Octavo: there is no instruction set ${isa}. Known: scalar sse42 avx2 avxvnni avx512bw avx512vnni "
      "neon64 neon64_dotprod neon64_i8mm.")
  endif()
  set(${out} ${flags} PARENT_SCOPE)
endfunction()

function(octavo_add_isa_sources target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ISAS")
  if(NOT TARGET ${target} OR NOT arg_UNPARSED_ARGUMENTS OR NOT arg_ISAS)
    message(FATAL_ERROR "octavo_add_isa_sources(<target> <source>... ISAS <isa>...): a target, a source or an instruction "
      "set is missing.")
  endif()
  get_property(again TARGET ${target} PROPERTY OCTAVO_HAS_ISA_SOURCES)
  if(again)
    message(FATAL_ERROR "octavo_add_isa_sources: once for a target. Name all sources of ${target} in one call.")
  endif()
  set_property(TARGET ${target} PROPERTY OCTAVO_HAS_ISA_SOURCES ON)
  include(CheckCXXCompilerFlag)
  set(names)
  foreach(isa IN LISTS arg_ISAS)
    octavo_isa_flags(flags ${isa})
    if(isa MATCHES "^neon" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$" OR
       isa MATCHES "^(sse|avx)" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
      continue()
    endif()
    if(flags)
      string(REPLACE ";" " " flags_text "${flags}")
      check_cxx_compiler_flag("${flags_text}" OCTAVO_COMPILES_${isa})
      if(NOT OCTAVO_COMPILES_${isa})
        message(FATAL_ERROR "octavo_add_isa_sources: ${CMAKE_CXX_COMPILER} does not know ${flags_text}. Leave ${isa} out "
          "of ISAS, or take a newer compiler.")
      endif()
    endif()
    # An object library has what the target has, then flags of its own.
    set(objects ${target}_${isa})
    add_library(${objects} OBJECT ${arg_UNPARSED_ARGUMENTS})
    target_link_libraries(${objects} PRIVATE octavo::octavo $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
    target_include_directories(${objects} PRIVATE $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
    target_compile_definitions(${objects} PRIVATE OCTAVO_ISA=octavo::${isa}
      $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
    target_compile_options(${objects} PRIVATE $<TARGET_PROPERTY:${target},COMPILE_OPTIONS> ${flags})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
    list(APPEND names octavo::${isa})
  endforeach()
  if(NOT names)
    message(FATAL_ERROR "octavo_add_isa_sources: none of ${arg_ISAS} is for ${CMAKE_SYSTEM_PROCESSOR}. Add scalar.")
  endif()
  list(JOIN names "," names)
  target_compile_definitions(${target} PRIVATE "OCTAVO_ISAS=${names}")
endfunction()
