# Debian 12's own packages, each with the lowest version that is known to work. Nothing is vendored.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(simdjson 3.0 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core) # 1.0; its package does not say its version
find_package(SQLite3 3.40 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(doctest 2.4.9 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(crypt REQUIRED IMPORTED_TARGET libcrypt>=4.4)
pkg_check_modules(magic REQUIRED IMPORTED_TARGET libmagic>=5.44)
pkg_check_modules(avformat REQUIRED IMPORTED_TARGET libavformat>=59 libavcodec>=59 libavutil>=57) # FFmpeg 5.1

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
