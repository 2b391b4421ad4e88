# What octavo::io needs besides octavo::octavo. The build and the installed octavoConfig.cmake both include this file.

# nlohmann-json as the target octavo_json, which is empty where there is none: then io/safetensors.hpp says what to
# install, and the other headers of io/ need no JSON.
if(NOT TARGET octavo_json)
  find_package(nlohmann_json CONFIG QUIET)
  add_library(octavo_json INTERFACE IMPORTED)
  if(TARGET nlohmann_json::nlohmann_json)
    target_link_libraries(octavo_json INTERFACE nlohmann_json::nlohmann_json)
  endif()
endif()
