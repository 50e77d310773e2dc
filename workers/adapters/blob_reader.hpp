// A stored object as bytes at any place, for who reads here and there: fetched in pieces, one of which is
// kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "workers/ports/blob_store.hpp"

namespace groundtruth::adapters {

// Used by one thread. Throws BlobStoreError where the store does, and where it has less than it said. The
// store must outlive it.
class BlobReader {
 public:
  // After `max_fetched_bytes` nothing more is fetched, however often the same bytes are wanted.
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

  ports::BlobStore& store_;
  const std::string key_;
  const std::uint64_t size_;
  std::uint64_t allowance_;
  bool is_spent_ = false;
  std::optional<std::uint64_t> piece_;  // which one is kept
  std::string kept_;
};

}  // namespace groundtruth::adapters
