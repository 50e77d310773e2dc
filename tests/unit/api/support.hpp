// A clock that stands until it is moved, chance from a seed, and a fixed master key.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "journal/key_store.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api::testing {

class VirtualClock final : public journal::Clock {
 public:
  domain::Timestamp now() const override { return {now_ms}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds{now_ms - kEpochMs}};
  }
  void advance_ms(std::int64_t ms) { now_ms += ms; }

  static constexpr std::int64_t kEpochMs = 1'781'792'000'000;  // 2026-06-18T14:13:20Z
  std::int64_t now_ms = kEpochMs;
};

class SeededRandomness final : public journal::Randomness {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(generator_());
  }

 private:
  std::mt19937 generator_{7};
};

inline journal::MasterKey master_key(std::uint8_t fill = 1) {
  journal::DataKey bytes;
  bytes.fill(fill);
  return journal::MasterKey::from_bytes(bytes);
}

}  // namespace groundtruth::api::testing
