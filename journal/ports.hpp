// Time and chance, given at construction: everything between the ports runs in one thread under a seed when
// it must.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>

#include "domain/ids.hpp"

namespace groundtruth::journal {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual domain::Timestamp now() const = 0;                         // wall clock; may jump
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // never runs backwards
};

class Randomness {
 public:
  virtual ~Randomness() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;  // thread-safe; unpredictable outside of tests
  domain::RandomBits bits() {
    std::uint8_t raw[16];
    fill(raw);
    domain::RandomBits out;
    std::memcpy(out.data(), raw, sizeof raw);
    return out;
  }
};

// The machine's clock and libsodium's generator.
Clock& system_clock();
Randomness& system_randomness();

// Before any use of libsodium: without it the library runs its slowest code. Cheap to repeat, from any
// thread. Throws std::runtime_error on a machine without randomness.
void init_crypto();

}  // namespace groundtruth::journal
