// The machine's clock and libsodium's generator (journal/ports.hpp).
#include "journal/ports.hpp"

#include <sodium.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace groundtruth::journal {
namespace {

class SystemClock : public Clock {
 public:
  domain::Timestamp now() const override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count()};
  }
  std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::now(); }
};

// Ids are made several to a request, 16 bytes at a time: each thread asks the kernel for a block of them at
// once. Bytes that were given out are wiped.
class SystemRandomness : public Randomness {
 public:
  SystemRandomness() { init_crypto(); }
  void fill(std::span<std::uint8_t> out) override {
    thread_local std::array<std::uint8_t, 512> block;
    thread_local std::size_t left = 0;
    if (out.size() > block.size() / 4) return randombytes_buf(out.data(), out.size());
    if (left < out.size()) {
      randombytes_buf(block.data(), block.size());
      left = block.size();
    }
    left -= out.size();
    std::memcpy(out.data(), block.data() + left, out.size());
    sodium_memzero(block.data() + left, out.size());
  }
};

}  // namespace

void init_crypto() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) throw std::runtime_error("libsodium cannot be initialised: no source of randomness");
}

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

Randomness& system_randomness() {
  static SystemRandomness randomness;
  return randomness;
}

}  // namespace groundtruth::journal
