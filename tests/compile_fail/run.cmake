# One compile_fail test. SOURCE starts with `// expect: <sentence>`. It must compile with -DOCTAVO_COMPILES, and
# without it fail with that sentence in the compiler's output. COMPILER and FLAGS (a list) say how.
file(STRINGS ${SOURCE} first LIMIT_COUNT 1)
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: the first line must be `// expect: <sentence>`, it is:\n${first}")
endif()
string(REPLACE "\\;" ";" sentence "${CMAKE_MATCH_1}")  # file(STRINGS) escapes semicolons
set(command ${COMPILER} ${FLAGS} -fsyntax-only ${SOURCE})

execute_process(COMMAND ${command} -DOCTAVO_COMPILES
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "${SOURCE}: must compile with -DOCTAVO_COMPILES, but does not")
endif()

execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message("expected the error:\n${sentence}")
  message(FATAL_ERROR "${SOURCE}: must not compile, but does")
endif()
string(FIND "${output}" "${sentence}" position)
if(position EQUAL -1)
  message("expected:\n${sentence}\n\nprinted:\n${output}")
  message(FATAL_ERROR "${SOURCE}: the errors do not contain the expected sentence")
endif()
