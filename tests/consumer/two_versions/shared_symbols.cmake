# Fails when the objects THIS and OTHER both define a symbol of the library: the linker would take one body for both
# versions, whether or not today's bodies are the same. NM lists symbols; `6octavo` is the namespace in a mangled name.
cmake_minimum_required(VERSION 3.25)

foreach(object THIS OTHER)
  execute_process(COMMAND ${NM} --defined-only --extern-only ${${object}}
    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^ \n]*6octavo[^ \n]*" symbols_${object} "${output}")
  if(NOT symbols_${object})
    message(FATAL_ERROR "${${object}} has no symbols of the library: this check sees nothing")
  endif()
endforeach()
foreach(symbol IN LISTS symbols_THIS)
  if(symbol IN_LIST symbols_OTHER)
    message(FATAL_ERROR "two versions of the library share the symbol ${symbol}")
  endif()
endforeach()
