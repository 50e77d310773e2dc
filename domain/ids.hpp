// Public ids: a prefix and 26 characters that sort by time and carry the bucket that routes them (DESIGN,
// section 3).
//
//   tsk_ 01hx4nvzgw  q9  k3m5p8r2s4t6v8     prefix, 10 time (ms), 2 bucket, 14 random; lower-case Crockford
//   base32
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "domain/values.hpp"

namespace groundtruth::domain {

// 0–1023. All that one invariant needs shares a bucket; a partition is bucket % partition count.
struct Bucket {
  std::uint16_t value = 0;
  friend constexpr auto operator<=>(Bucket, Bucket) = default;
};
inline constexpr std::uint16_t kBucketCount = 1024;

// 70 of these bits make an id unguessable; they come from the caller's randomness, never from here.
using RandomBits = std::array<std::uint64_t, 2>;

// "" is no id: what a default-constructed one holds.
template <class Tag>
struct Id {
  std::string value;
  bool empty() const { return value.empty(); }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using AccountId = Id<struct AccountTag>;    // org_… (groundtruth)
using EmailClaimId = Id<struct EmailTag>;   // eml_…, derived from the keyed hash of surface, kind and address
using ApiKeyId = Id<struct ApiKeyTag>;      // key_…
using WalletId = Id<struct WalletTag>;      // wal_…, the 26 characters of the account or worker
using TaskId = Id<struct TaskTag>;          // tsk_…
using CheckoutId = Id<struct CheckoutTag>;  // cko_…
using CommandId = Id<struct CommandTag>;    // cmd_…
using WorkerId = Id<struct WorkerTag>;      // wrk_…
using AssignmentId = Id<struct AssignmentTag>;  // asg_…, derived from task and worker; in the task's bucket
using SubmissionId = Id<struct SubmissionTag>;  // sub_…, in the task's bucket
using UploadId = Id<struct UploadTag>;          // upl_…, in the task's bucket
using WriterId = Id<struct WriterTag>;          // wtr_…, derived from topic and partition

std::string encode_id(std::string_view prefix, Timestamp at, Bucket bucket, RandomBits random);

// nullopt when `id` is not prefix + 26 characters of the alphabet. Accepts any prefix of letters that ends in
// '_'.
std::optional<Bucket> bucket_of(std::string_view id);

// True when `id` has exactly this prefix and a well-formed rest: what a path parameter must pass before any
// look-up.
bool is_id(std::string_view id, std::string_view prefix);

template <class T>
T new_id(std::string_view prefix, Timestamp at, Bucket bucket, RandomBits random) {
  return T{encode_id(prefix, at, bucket, random)};
}

WalletId wallet_of(const AccountId& account);

}  // namespace groundtruth::domain

template <class Tag>
struct std::hash<groundtruth::domain::Id<Tag>> {
  std::size_t operator()(const groundtruth::domain::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
