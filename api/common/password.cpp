// Argon2id of libsodium (api/common/password.hpp).
#include "api/common/password.hpp"

#include <sodium.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "api/common/text.hpp"

namespace groundtruth::api {
namespace {

static_assert(kCheapestPasswords.passes == crypto_pwhash_OPSLIMIT_MIN);
static_assert(kCheapestPasswords.memory_bytes == crypto_pwhash_MEMLIMIT_MIN);

[[noreturn]] void throw_no_memory() {
  throw std::runtime_error("there is not enough memory to hash a password");
}

}  // namespace

std::string password_hash(const std::string& password, const PasswordOptions& options) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), options.passes,
                            options.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw_no_memory();
  return hash.data();
}

bool password_verify(const std::string& password, const std::string& hash) {
  errno = 0;
  if (crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0) return true;
  if (errno == ENOMEM) throw_no_memory();
  return false;
}

bool password_needs_rehash(const std::string& hash, const PasswordOptions& options) {
  return crypto_pwhash_str_needs_rehash(hash.c_str(), options.passes, options.memory_bytes) != 0;
}

Passwords::Passwords(WorkPool& pool, PasswordOptions options)
    : pool_(pool), options_(options), nobody_(password_hash({}, options)) {}

bool Passwords::try_hash(std::string password, std::function<void(std::string)> done, WorkFor whom) {
  return pool_.try_run(std::move(whom),
                       [options = options_, password = std::move(password), done = std::move(done)] {
                         done(password_hash(to_opaque(password), options));
                       });
}

bool Passwords::try_verify(std::string password, std::optional<std::string> hash,
                           std::function<void(Verdict)> done, WorkFor whom) {
  const bool is_somebody = hash.has_value();
  return pool_.try_run(std::move(whom), [options = options_, is_somebody, password = std::move(password),
                                         hash = std::move(hash).value_or(nobody_), done = std::move(done)] {
    Verdict verdict;
    const std::string prepared = to_opaque(password);
    bool is_right = password_verify(prepared, hash);
    if (prepared != password) is_right = password_verify(password, hash) || is_right;
    verdict.is_right = is_right && is_somebody;
    verdict.needs_rehash = verdict.is_right && password_needs_rehash(hash, options);
    done(verdict);
  });
}

}  // namespace groundtruth::api
