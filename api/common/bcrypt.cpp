// libxcrypt (api/common/bcrypt.hpp).
#include "api/common/bcrypt.hpp"

#include <crypt.h>
#include <sodium.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace groundtruth::api {
namespace {

constexpr std::string_view kBcryptPrefix = "$2b$";

// crypt_data has 32 KB: on the heap, and wiped, for it holds what was computed on. A bad setting gives "*0".
std::string bcrypt(const std::string& secret, const std::string& setting) {
  auto data = std::make_unique<crypt_data>();
  const char* result = crypt_r(secret.c_str(), setting.c_str(), data.get());
  std::string hash = result != nullptr ? result : "*0";
  sodium_memzero(data.get(), sizeof(crypt_data));
  return hash;
}

}  // namespace

std::string bcrypt_hash(const std::string& secret, unsigned cost, journal::Randomness& randomness) {
  std::array<std::uint8_t, 16> salt;
  randomness.fill(salt);
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (crypt_gensalt_rn(kBcryptPrefix.data(), cost, reinterpret_cast<const char*>(salt.data()),
                       static_cast<int>(salt.size()), setting.data(),
                       static_cast<int>(setting.size())) == nullptr)
    throw std::runtime_error("libcrypt makes no bcrypt setting of cost " + std::to_string(cost));
  std::string hash = bcrypt(secret, setting.data());
  if (!hash.starts_with(kBcryptPrefix)) throw std::runtime_error("libcrypt knows no bcrypt");
  return hash;
}

bool bcrypt_verify(const std::string& secret, const std::string& hash) {
  if (!hash.starts_with(kBcryptPrefix)) return false;
  const std::string computed = bcrypt(secret, hash);
  return computed.size() == hash.size() && sodium_memcmp(computed.data(), hash.data(), hash.size()) == 0;
}

bool Bcrypt::try_hash(std::string secret, std::function<void(std::string)> done, WorkFor whom) {
  return pool_.try_run(std::move(whom),
                       [&randomness = randomness_, cost = cost_, secret = std::move(secret),
                        done = std::move(done)] { done(bcrypt_hash(secret, cost, randomness)); });
}

bool Bcrypt::try_verify(std::string secret, std::string hash, std::function<void(bool)> done, WorkFor whom) {
  return pool_.try_run(std::move(whom), [secret = std::move(secret), hash = std::move(hash),
                                         done = std::move(done)] { done(bcrypt_verify(secret, hash)); });
}

}  // namespace groundtruth::api
