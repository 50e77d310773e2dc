// How open files are shared out.
#include "app/machine_limits.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

namespace groundtruth::app {
namespace {

TEST_CASE("what strangers can open together leaves this process its own files") {
  CHECK_FALSE(share_files(kFewestFiles - 1, 10'000));
  for (const std::size_t open_files :
       {kFewestFiles, std::size_t{1'024}, std::size_t{4'096}, std::size_t{65'536}}) {
    CAPTURE(open_files);
    const auto shares = share_files(open_files, 10'000);
    REQUIRE(shares);
    CHECK(shares->connections + shares->downloads + kUploadFiles + kOwnFiles <= open_files);
    CHECK(shares->connections >= open_files / 9);
    CHECK(shares->downloads > 0);
    CHECK(shares->connections <= 10'000);
  }
  CHECK(share_files(65'536, 10'000)->connections == 10'000);
  CHECK(share_files(65'536, 100)->connections == 100);
}

TEST_CASE("the soft limit of open files becomes the hard one") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 256;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const std::size_t raised = raise_open_files();
  rlimit after{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur >= raised);
  CHECK((raised == before.rlim_max || raised == 1'048'576));
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace groundtruth::app
