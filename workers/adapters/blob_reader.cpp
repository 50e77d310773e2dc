// See blob_reader.hpp.
#include "workers/adapters/blob_reader.hpp"

#include <algorithm>
#include <utility>

namespace groundtruth::adapters {

BlobReader::BlobReader(Fetch fetch, std::uint64_t size_bytes, std::uint64_t max_fetched_bytes)
    : fetch_(std::move(fetch)), size_(size_bytes), allowance_(max_fetched_bytes) {}

BlobReader::BlobReader(ports::BlobStore& store, std::string key, std::uint64_t size_bytes,
                       std::uint64_t max_fetched_bytes)
    : BlobReader([&store, key = std::move(key)](std::uint64_t offset,
                                                std::size_t bytes) { return store.read(key, offset, bytes); },
                 size_bytes, max_fetched_bytes) {}

bool BlobReader::fetch(std::uint64_t piece) {
  if (piece_ == piece) return true;
  const std::uint64_t from = piece * kPieceBytes;
  const std::size_t wanted = std::min<std::uint64_t>(kPieceBytes, size_ - from);
  is_spent_ = is_spent_ || wanted > allowance_;
  if (is_spent_) return false;
  allowance_ -= wanted;
  piece_.reset();
  kept_ = fetch_(from, wanted);
  if (kept_.size() != wanted) throw ports::BlobStoreError("an object is shorter than its store says");
  piece_ = piece;
  return true;
}

std::size_t BlobReader::read(std::uint64_t offset, std::span<char> out) {
  if (offset >= size_ || out.empty() || !fetch(offset / kPieceBytes)) return 0;
  const std::string_view rest = std::string_view(kept_).substr(offset % kPieceBytes);
  const std::size_t count = std::min(rest.size(), out.size());
  std::copy_n(rest.data(), count, out.data());
  return count;
}

std::string BlobReader::read_all(std::uint64_t from, std::uint64_t to) {
  std::string out;
  if (from >= std::min(to, size_)) return out;
  out.resize(std::min(to, size_) - from);
  std::size_t done = 0;
  while (const std::size_t count = read(from + done, std::span(out).subspan(done))) done += count;
  out.resize(done);
  return out;
}

std::optional<std::uint64_t> BlobReader::find(std::string_view needle, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t end = std::min(to, size_);
  for (std::uint64_t at = from; at + needle.size() <= end; at += kPieceBytes) {
    // Beyond its own bytes a part has the first ones of the next, so that no needle is cut in two.
    const std::string part = read_all(at, std::min(end, at + kPieceBytes + needle.size() - 1));
    if (const auto place = part.find(needle); place != std::string::npos) return at + place;
  }
  return std::nullopt;
}

}  // namespace groundtruth::adapters
