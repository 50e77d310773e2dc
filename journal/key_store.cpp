// The master key and the key store of tests (journal/key_store.hpp).
#include "journal/key_store.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>

namespace groundtruth::journal {
namespace {

constexpr std::size_t kKeyBytes = std::tuple_size_v<DataKey>;
constexpr std::size_t kFileBytes = 2 * kKeyBytes + 1;  // hex and LF

struct File {
  int descriptor;
  explicit File(int d) : descriptor(d) {}
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what) {
  throw std::runtime_error("master key " + file.string() + ": " + what);
}

std::string system_error() {
  return std::generic_category().message(errno);
}

class MemoryKeyStore : public KeyStore {
 public:
  explicit MemoryKeyStore(Randomness& randomness) : randomness_(randomness) {}

  std::optional<DataKey> get(std::string_view owner) override {
    const std::scoped_lock lock(mutex_);
    const auto found = keys_.find(owner);
    return found == keys_.end() ? std::nullopt : found->second;
  }

  std::optional<DataKey> get_or_create(std::string_view owner) override {
    const std::scoped_lock lock(mutex_);
    if (const auto found = keys_.find(owner); found != keys_.end()) return found->second;
    DataKey key;
    randomness_.fill(key);
    keys_.emplace(owner, key);
    return key;
  }

  void destroy(std::string_view owner) override {
    const std::scoped_lock lock(mutex_);
    keys_.insert_or_assign(std::string(owner), std::nullopt);
  }

 private:
  Randomness& randomness_;
  std::mutex mutex_;
  std::map<std::string, std::optional<DataKey>, std::less<>> keys_;  // nullopt: destroyed
};

}  // namespace

MasterKey MasterKey::load(const std::filesystem::path& file) {
  const File in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.descriptor < 0) fail(file, system_error() + "; put the key there that this journal was made with");
  struct stat status{};
  if (::fstat(in.descriptor, &status) != 0) fail(file, system_error());
  if ((status.st_mode & 077) != 0) fail(file, "others may read it; run: chmod 600 " + file.string());
  char text[kFileBytes + 1];
  const auto size = ::read(in.descriptor, text, sizeof text);
  DataKey bytes;
  std::size_t decoded = 0;
  const bool well_formed =
      size == static_cast<ssize_t>(kFileBytes) && text[kFileBytes - 1] == '\n' &&
      sodium_hex2bin(bytes.data(), bytes.size(), text, 2 * kKeyBytes, nullptr, &decoded, nullptr) == 0 &&
      decoded == kKeyBytes;
  sodium_memzero(text, sizeof text);
  if (!well_formed)
    fail(file, "it must hold 64 hexadecimal digits and a line feed; restore it from its backup");
  return MasterKey(bytes);
}

MasterKey MasterKey::create(const std::filesystem::path& file, Randomness& randomness) {
  const File out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (out.descriptor < 0) fail(file, "cannot be made: " + system_error());
  DataKey bytes;
  randomness.fill(bytes);
  char text[kFileBytes + 1];
  sodium_bin2hex(text, sizeof text, bytes.data(), bytes.size());
  text[kFileBytes - 1] = '\n';
  const bool written = ::write(out.descriptor, text, kFileBytes) == static_cast<ssize_t>(kFileBytes) &&
                       ::fsync(out.descriptor) == 0;
  const std::string reason = written ? "" : system_error();
  sodium_memzero(text, sizeof text);
  if (!written) {
    ::unlink(file.c_str());
    fail(file, "cannot be written: " + reason);
  }
  // The name too must survive a crash: what is sealed from now on is lost without this file.
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.descriptor < 0 || ::fsync(directory.descriptor) != 0)
    fail(file, "its folder cannot be synced: " + system_error());
  return MasterKey(bytes);
}

DataKey MasterKey::derive(std::string_view purpose) const {
  init_crypto();
  const std::string message = "groundtruth/" + std::string(purpose);
  DataKey key;
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(message.data()),
                     message.size(), bytes_.data(), bytes_.size());
  return key;
}

std::unique_ptr<KeyStore> make_memory_key_store(Randomness& randomness) {
  return std::make_unique<MemoryKeyStore>(randomness);
}

}  // namespace groundtruth::journal
