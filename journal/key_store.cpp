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
#include <system_error>

#include "journal/durable_file.hpp"

namespace groundtruth::journal {
namespace {

constexpr std::size_t kKeyBytes = std::tuple_size_v<DataKey>;

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

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

// The name too must survive a crash.
void sync_name_of(const std::filesystem::path& file) {
  const File directory(::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.descriptor < 0 || (::fsync(directory.descriptor) != 0 && errno != EROFS))
    fail(file, "its folder cannot be synced: " + system_error());
}

// A key that lies elsewhere, behind a link, is as its owner put it there: only what is found there counts.
void sync_where_it_lies(const std::filesystem::path& file, int descriptor) {
  if (::fsync(descriptor) != 0 && errno != EROFS) fail(file, "cannot be synced: " + system_error());
  sync_name_of(file);
  std::error_code unknown;
  if (!std::filesystem::is_symlink(file, unknown)) return;
  const auto target = std::filesystem::canonical(file, unknown);
  if (!unknown) sync_name_of(target);
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

  bool was_destroyed(std::string_view owner) override {
    const std::scoped_lock lock(mutex_);
    const auto found = keys_.find(owner);
    return found != keys_.end() && !found->second;
  }

  void for_each(const Row& row) override {
    const std::scoped_lock lock(mutex_);
    for (const auto& [owner, key] : keys_) row(owner, key ? State::live : State::destroyed);
  }

 private:
  Randomness& randomness_;
  std::mutex mutex_;
  std::map<std::string, std::optional<DataKey>, std::less<>> keys_;  // nullopt: destroyed
};

}  // namespace

MasterKey MasterKey::load(const std::filesystem::path& file) {
  // Without blocking: whatever else lies there may be a pipe that nobody writes.
  const File in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (in.descriptor < 0) fail(file, system_error() + "; put the key there that this journal was made with");
  struct stat status{};
  if (::fstat(in.descriptor, &status) != 0) fail(file, system_error());
  if (!S_ISREG(status.st_mode)) fail(file, "is no file; put the key there that this journal was made with");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    fail(file, "belongs to uid " + std::to_string(status.st_uid) + "; run: chown " +
                   std::to_string(::geteuid()) + " " + file.string());
  if ((status.st_mode & S_IRUSR) == 0)
    fail(file, "its owner may not read it; run: chmod 600 " + file.string());
  if ((status.st_mode & 077) != 0)
    fail(file, "others may read or change it; run: chmod 600 " + file.string() +
                   ", and think of who may have a copy");
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
  sync_where_it_lies(file, in.descriptor);
  return MasterKey(bytes);
}

MasterKey MasterKey::create(const std::filesystem::path& file, Randomness& randomness) {
  std::error_code unknown;
  if (std::filesystem::symlink_status(file, unknown).type() != std::filesystem::file_type::not_found)
    fail(file, "is there already");
  DataKey bytes;
  randomness.fill(bytes);
  char text[kFileBytes + 1];
  sodium_bin2hex(text, sizeof text, bytes.data(), bytes.size());
  text[kFileBytes - 1] = '\n';
  bool made = false;
  std::string reason = "is there already";
  try {
    made = create_durably(file, {text, kFileBytes});
  } catch (const std::system_error& error) {
    reason = std::string("cannot be made: ") + error.what();
  }
  sodium_memzero(text, sizeof text);
  if (!made) fail(file, reason);
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
