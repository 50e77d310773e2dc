# What every target needs is parsed once for each KIND of target: cmake/standard.hpp becomes build/<flavour>/<kind>.pch, for
# which the compiler cache asks by what it was made from, so that a checkout elsewhere has the same (scripts/lib.sh).
function(gt_standard_headers kind)
  string(TOUPPER "CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}" of_type)
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS} ${${of_type}}")
  if(GT_SANITIZE)
    list(APPEND flags -fsanitize=${GT_SANITIZE} -fno-omit-frame-pointer)
  endif()
  list(APPEND flags ${ARGN} -std=c++20 -x c++-header)
  set(header ${PROJECT_SOURCE_DIR}/cmake/standard.hpp)
  add_custom_command(OUTPUT ${kind}.pch ${kind}.pch.sum DEPENDS ${header} DEPFILE ${kind}.d VERBATIM
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} -fpch-instantiate-templates -Xclang -fno-pch-timestamp
      -MD -MF ${kind}.d -MT ${kind}.pch ${header} -o ${kind}.pch
    COMMAND sh -c "{ \"$@\" --version && \"$@\" -E -P ${header}; } >${kind}.i && sha256sum <${kind}.i >${kind}.pch.sum" sh
      ${CMAKE_CXX_COMPILER} ${flags})
  add_custom_target(${kind}_headers DEPENDS ${kind}.pch)
endfunction()

set(gt_headers_of_ROOM room)
set(gt_headers_of_TEST test)
if(GT_TEST_OPTIONS STREQUAL GT_ROOM_OPTIONS)
  set(gt_headers_of_TEST room)
endif()
if(GT_PRECOMPILE)
  gt_standard_headers(room ${GT_ROOM_OPTIONS})
  if(gt_headers_of_TEST STREQUAL test)
    gt_standard_headers(test ${GT_TEST_OPTIONS})
  endif()
endif()

# gt_options(TARGET KIND): the project's warnings and sanitizers; KIND is ROOM for what ships and TEST for what looks at it.
function(gt_options target kind)
  target_compile_options(${target} PRIVATE ${GT_${kind}_OPTIONS} -Wall -Wextra -Wpedantic -Wconversion -Werror)
  if(GT_PRECOMPILE)
    set(headers ${gt_headers_of_${kind}})
    target_compile_options(${target} PRIVATE -include-pch ${headers}.pch)
    add_dependencies(${target} ${headers}_headers)
    get_target_property(sources ${target} SOURCES)
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/${headers}.pch)
  endif()
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

# gt_room(NAME SOURCES… LINKS…): a static library for one folder.
function(gt_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ROOM_LINKS})
  gt_options(${name} ROOM)
endfunction()
