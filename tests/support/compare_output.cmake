# Runs PROGRAM, by EMULATOR if there is one, and compares what it prints with the file EXPECTED. ERRORS: a pattern of what it
# says on the error stream.
execute_process(COMMAND ${EMULATOR} ${PROGRAM} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} failed (${result}):\n${output}${errors}")
endif()
file(READ ${EXPECTED} expected)
if(NOT output STREQUAL expected)
  message("printed:\n${output}\nexpected:\n${expected}")
  message(FATAL_ERROR "the output differs from ${EXPECTED}")
endif()
if(ERRORS AND NOT errors MATCHES "${ERRORS}")
  message(FATAL_ERROR "${PROGRAM} said on the error stream: ${errors}\nbut this was expected: ${ERRORS}")
endif()
