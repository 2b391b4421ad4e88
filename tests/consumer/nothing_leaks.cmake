# The target octavo::octavo brings include directories and the language level. Anything else would be a flag in somebody
# else's build, and instruction set flags end in illegal instructions.
foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS LINK_OPTIONS LINK_DIRECTORIES PRECOMPILE_HEADERS)
  get_target_property(value octavo::octavo INTERFACE_${property})
  if(value)
    message(FATAL_ERROR "octavo::octavo brings INTERFACE_${property}: ${value}")
  endif()
endforeach()

# A project that has the sources within its own gets no tests, benchmarks, examples or targets but the library's two.
if(octavo_SOURCE_DIR)
  get_property(folders DIRECTORY ${octavo_SOURCE_DIR} PROPERTY SUBDIRECTORIES)
  get_property(targets DIRECTORY ${octavo_SOURCE_DIR} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(tests DIRECTORY ${octavo_SOURCE_DIR} PROPERTY TESTS)
  if(folders OR tests OR NOT targets STREQUAL "octavo;octavo_io")
    message(FATAL_ERROR "Within another project Octavo adds folders (${folders}), tests (${tests}), targets (${targets})")
  endif()
endif()
