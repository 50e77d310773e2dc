# What every target needs is parsed once: cmake/standard.hpp becomes build/<flavour>/standard.pch, for which the compiler
# cache asks by what it was made from, so that a checkout elsewhere has the same (scripts/lib.sh).
if(GT_PRECOMPILE)
  string(TOUPPER "CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}" of_type)
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS} ${${of_type}}")
  if(GT_SANITIZE)
    list(APPEND flags -fsanitize=${GT_SANITIZE} -fno-omit-frame-pointer)
  endif()
  set(header ${PROJECT_SOURCE_DIR}/cmake/standard.hpp)
  add_custom_command(OUTPUT standard.pch standard.pch.sum DEPENDS ${header} DEPFILE standard.d VERBATIM
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} -std=c++20 -x c++-header -fpch-instantiate-templates -Xclang -fno-pch-timestamp
      -MD -MF standard.d -MT standard.pch ${header} -o standard.pch
    COMMAND sh -c "{ \"$@\" --version && \"$@\" -E -P ${header}; } >standard.i && sha256sum <standard.i >standard.pch.sum" sh
      ${CMAKE_CXX_COMPILER} ${flags} -std=c++20 -x c++-header)
  add_custom_target(standard_headers DEPENDS standard.pch)
endif()

# gt_room(NAME SOURCES… LINKS…): a static library for one folder, with the project's warnings and sanitizers.
function(gt_options target)
  if(GT_PRECOMPILE)
    target_compile_options(${target} PRIVATE -include-pch standard.pch)
    add_dependencies(${target} standard_headers)
    get_target_property(sources ${target} SOURCES)
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/standard.pch)
  endif()
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Werror)
  if(GT_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${GT_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${GT_SANITIZE})
    if(GT_SANITIZE MATCHES "address")
      target_compile_options(${target} PUBLIC -fno-sanitize-recover=all)
    elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PUBLIC -Wno-tsan)
    endif()
  endif()
endfunction()

function(gt_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ROOM_LINKS})
  gt_options(${name})
endfunction()
