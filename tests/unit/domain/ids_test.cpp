// Ids: a prefix, a time to sort by, a bucket to be routed by, and nothing to guess (DESIGN, section 3).
#include "domain/ids.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace groundtruth::domain {
namespace {

constexpr RandomBits kBits{0x0123456789abcdef, 0xfedcba9876543210};

TEST_CASE("an id is a prefix and 26 characters without i, l, o, u") {
  const auto id = encode_id("tsk_", {1'781'793'120'123}, {777}, kBits);
  CHECK(id.size() == 30);
  CHECK(is_id(id, "tsk_"));
  CHECK(id.find_first_of("ilou", 4) == std::string::npos);
}

TEST_CASE("every bucket is found again in its id") {
  for (std::uint16_t bucket = 0; bucket < kBucketCount; ++bucket)
    CHECK(bucket_of(encode_id("org_", {1'781'793'120'123}, {bucket}, kBits)) == Bucket{bucket});
}

TEST_CASE("ids sort by time, whatever their bucket and randomness") {
  std::vector<std::string> ids;
  std::uint64_t noise = 88172645463325252;
  for (std::int64_t ms : {0LL, 1LL, 999LL, 1'781'793'120'123LL, 1'781'793'120'124LL, 253'402'300'799'999LL}) {
    noise ^= noise << 13;
    noise ^= noise >> 7;
    ids.push_back(
        encode_id("tsk_", {ms}, {static_cast<std::uint16_t>(noise % kBucketCount)}, {noise, ~noise}));
  }
  CHECK(std::is_sorted(ids.begin(), ids.end()));
}

TEST_CASE("70 bits of chance stand in an id") {
  const auto base = encode_id("tsk_", {1}, {1}, {0, 0});
  for (std::size_t word = 0; word < 2; ++word)
    for (unsigned bit = 0; bit < 35; ++bit) {
      RandomBits bits{};
      bits[word] = std::uint64_t{1} << bit;
      const auto id = encode_id("tsk_", {1}, {1}, bits);
      CHECK(id != base);
      CHECK(id.substr(0, 16) == base.substr(0, 16));
    }
}

TEST_CASE("what is no id is refused before any look-up") {
  const auto good = encode_id("tsk_", {1'781'793'120'123}, {5}, kBits);
  struct Row {
    std::string id;
    bool well_formed;
  };
  auto upper = good;
  upper[10] = 'A';
  auto excluded = good;
  excluded[10] = 'u';
  for (const auto& [id, well_formed] :
       {Row{good, true}, Row{"", false}, Row{"tsk_", false}, Row{good.substr(4), false},
        Row{good + "0", false}, Row{good.substr(0, 29), false}, Row{"tsk-" + good.substr(4), false},
        Row{upper, false}, Row{excluded, false}, Row{"tsk" + good.substr(4), false}, Row{" " + good, false},
        Row{"org_" + good.substr(4), false}, Row{good.substr(0, 10) + '\0' + good.substr(11), false}}) {
    CAPTURE(id);
    CHECK(is_id(id, "tsk_") == well_formed);
  }
  CHECK_FALSE(bucket_of("tsk_1"));
  CHECK_FALSE(bucket_of(good.substr(4)));
}

TEST_CASE("an account's wallet lives in the account's chain") {
  const AccountId account{encode_id("org_", {1'781'793'120'123}, {321}, kBits)};
  const WalletId wallet = wallet_of(account);
  CHECK(wallet.value == "wal_" + account.value.substr(4));
  CHECK(bucket_of(wallet.value) == Bucket{321});
}

}  // namespace
}  // namespace groundtruth::domain
