// The machine's clock and libsodium's generator (journal/ports.hpp).
#include "journal/ports.hpp"

#include <sodium.h>

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

class SystemRandomness : public Randomness {
 public:
  SystemRandomness() { init_crypto(); }
  void fill(std::span<std::uint8_t> out) override { randombytes_buf(out.data(), out.size()); }
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
