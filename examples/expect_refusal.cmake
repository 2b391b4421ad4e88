# expect_refusal(text arguments...): PROGRAM with the arguments, in DIRECTORY, must end with exit code 1 and say what matches
# the text. run(arguments...) sets result, output and errors.
function(run)
  execute_process(COMMAND ${PROGRAM} ${ARGN} WORKING_DIRECTORY ${DIRECTORY} RESULT_VARIABLE result
    OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  foreach(name result output errors)
    set(${name} "${${name}}" PARENT_SCOPE)
  endforeach()
endfunction()
function(expect_refusal text)
  run(${ARGN})
  if(NOT result EQUAL 1 OR NOT errors MATCHES "${text}")
    message(FATAL_ERROR "${PROGRAM} ${ARGN}: exit code ${result}, expected 1 and a text that matches '${text}'\n"
      "${output}${errors}")
  endif()
endfunction()

file(REMOVE_RECURSE ${DIRECTORY})
file(MAKE_DIRECTORY ${DIRECTORY})
