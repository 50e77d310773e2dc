// An object as bytes at any place, for who reads here and there: fetched in pieces, one of which is kept.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "workers/ports/blob_store.hpp"

namespace groundtruth::adapters {

// Used by one thread. Throws what `fetch` throws, and BlobStoreError where it gives less than was asked for.
// A store must outlive it.
class BlobReader {
 public:
  // Exactly so many bytes from `offset`, which the object has.
  using Fetch = std::function<std::string(std::uint64_t offset, std::size_t bytes)>;
  static constexpr std::size_t kPieceBytes = std::size_t{128} * 1024;  // the most that one fetch asks for

  // After `max_fetched_bytes` nothing more is fetched, however often the same bytes are wanted.
  BlobReader(Fetch fetch, std::uint64_t size_bytes, std::uint64_t max_fetched_bytes);
  BlobReader(ports::BlobStore& store, std::string key, std::uint64_t size_bytes,
             std::uint64_t max_fetched_bytes);

  std::uint64_t size_bytes() const { return size_; }
  bool is_spent() const { return is_spent_; }

  // How many bytes it put into `out`: fewer than asked for at the end of a piece, 0 at the end of the object
  // or when too much was fetched.
  std::size_t read(std::uint64_t offset, std::span<char> out);
  // All of [from, to) as far as it can be had.
  std::string read_all(std::uint64_t from, std::uint64_t to);
  // Where `needle` first stands within [from, to).
  std::optional<std::uint64_t> find(std::string_view needle, std::uint64_t from, std::uint64_t to);

 private:
  bool fetch(std::uint64_t piece);

  const Fetch fetch_;
  const std::uint64_t size_;
  std::uint64_t allowance_;
  bool is_spent_ = false;
  std::optional<std::uint64_t> piece_;  // which one is kept
  std::string kept_;
};

}  // namespace groundtruth::adapters
