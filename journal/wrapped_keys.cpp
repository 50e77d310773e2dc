// The key store over wrapped keys, and the table of the embedded journal (journal/wrapped_keys.hpp).
#include "journal/wrapped_keys.hpp"

#include <sodium.h>

#include <mutex>
#include <stdexcept>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "journal/codec/sealing.hpp"
#include "journal/commit.hpp"
#include "journal/journal.hpp"
#include "journal/key_table.hpp"

namespace groundtruth::journal {
namespace {

constexpr std::size_t kCachedKeys = 4096;

class WrappedKeysFile final : public WrappedKeys {
 public:
  WrappedKeysFile(const std::filesystem::path& file, std::function<void(const std::string&)> fatal)
      : table_(file), fatal_(std::move(fatal)) {}

  std::optional<WrappedKey> known(std::string_view owner) override { return find(owner); }
  std::optional<WrappedKey> find(std::string_view owner) override {
    return guarded([&] { return table_.find(owner); });
  }
  std::vector<WrappedKey> add(const std::vector<NamedKey>& keys) override {
    return guarded([&] {
      std::vector<WrappedKey> out;
      sqlite::Transaction all(table_.connection());
      for (const auto& [owner, key] : keys) out.push_back(table_.add(owner, key) ? key : *table_.find(owner));
      all.commit();
      return out;
    });
  }
  void destroy(std::string_view owner) override {
    guarded([&] {
      table_.destroy(owner);
      table_.forget_log();
    });
    if (gone_) gone_(std::string(owner));
  }
  void for_each(const Row& row) override {
    guarded([&] { table_.for_each(row); });
  }
  void on_destroyed(std::function<void(const std::string&)> gone) override { gone_ = std::move(gone); }

 private:
  // A full disk passes; a file that failed otherwise is left as it is. Nothing depends on what failed: a key
  // is given out only once it was synced, and the next start moves what the log has into the file again.
  template <class Work>
  auto guarded(Work&& work) -> decltype(work()) {
    const std::scoped_lock lock(mutex_);
    try {
      return work();
    } catch (const sqlite::Error& error) {
      if (error.is_full()) refuse_for_now(error.what());
      if (fatal_) fatal_(std::string("the data keys' file failed: ") + error.what());
      throw;
    } catch (const std::system_error& error) {
      if (error.code() == std::errc::no_space_on_device) refuse_for_now(error.what());
      if (fatal_) fatal_(std::string("the data keys' file failed: ") + error.what());
      throw;
    }
  }
  [[noreturn]] static void refuse_for_now(const std::string& why) {
    throw JournalUnavailable("the disk is full, no data key is made or destroyed: " + why);
  }

  std::mutex mutex_;
  KeyTable table_;
  const std::function<void(const std::string&)> fatal_;
  std::function<void(const std::string&)> gone_;
};

class StoredKeys final : public KeyStore {
 public:
  StoredKeys(std::unique_ptr<WrappedKeys> keys, std::string place, const MasterKey& master,
             Randomness& randomness)
      : keys_(std::move(keys)),
        place_(std::move(place)),
        wrapping_key_(master.derive("data-keys")),
        randomness_(randomness) {
    init_crypto();
    keys_->on_destroyed([this](const std::string& owner) { drop(owner); });
    check_master_key();
  }

  ~StoredKeys() override {
    keys_.reset();  // it calls back no more
    forget_all();
    sodium_memzero(wrapping_key_.data(), wrapping_key_.size());
  }

  std::optional<DataKey> get(std::string_view owner) override {
    if (const auto cached = recall(owner)) return cached;
    const auto destroyed = destroyed_count();
    const auto found = keys_->find(owner);
    return found ? open(owner, *found, destroyed) : std::nullopt;
  }

  std::optional<DataKey> get_or_create(std::string_view owner) override {
    if (const auto cached = recall(owner)) return cached;
    const auto destroyed = destroyed_count();
    auto found = keys_->known(owner);
    if (!found) found = keys_->add({{std::string(owner), make(owner)}}).front();
    return open(owner, *found, destroyed);
  }

  void destroy(std::string_view owner) override {
    drop(std::string(owner));
    keys_->destroy(owner);
  }

  bool was_destroyed(std::string_view owner) override {
    const auto found = keys_->find(owner);
    return found && found->is_destroyed();
  }

  void for_each(const Row& row) override {
    keys_->for_each([&](const std::string& owner, const WrappedKey& wrapped) {
      if (owner == kMasterKeyCheck) return;
      auto state = State::destroyed;
      if (!wrapped.is_destroyed()) {
        auto key = unwrap(owner, wrapped);
        state = key ? State::live : State::damaged;
        if (key) sodium_memzero(key->data(), key->size());
      }
      row(owner, state);
    });
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("key store " + place_ + ": " + what);
  }

  void check_master_key() {
    auto check = keys_->find(kMasterKeyCheck);
    if (!check) {
      keys_->for_each([&](const std::string&, const WrappedKey&) {
        fail("the check of the master key is missing; restore the file from its backup");
      });
      check = keys_->add({{std::string(kMasterKeyCheck), wrap(kMasterKeyCheck, DataKey{})}}).front();
    }
    open(kMasterKeyCheck, *check, 0);
    forget_all();
  }

  WrappedKey make(std::string_view owner) {
    DataKey key;
    randomness_.fill(key);
    auto wrapped = wrap(owner, key);
    sodium_memzero(key.data(), key.size());
    return wrapped;
  }

  WrappedKey wrap(std::string_view owner, const DataKey& key) {
    WrappedKey out;
    out.nonce.resize(codec::kNonceBytes);
    randomness_.fill({reinterpret_cast<std::uint8_t*>(out.nonce.data()), out.nonce.size()});
    const std::string_view plain(reinterpret_cast<const char*>(key.data()), key.size());
    out.box = codec::seal_box(wrapping_key_, out.nonce, owner, plain);
    return out;
  }

  std::optional<DataKey> open(std::string_view owner, const WrappedKey& wrapped, std::uint64_t destroyed) {
    if (wrapped.is_destroyed()) return std::nullopt;
    const auto key = unwrap(owner, wrapped);
    if (!key && owner == kMasterKeyCheck)
      fail("its keys do not open with this master key; use the master.key that it was made with");
    if (!key)
      throw LostKey("key store " + place_ + ": the data key of " + std::string(owner) +
                    " is damaged; restore the newest copy of the keys");
    remember(owner, *key, destroyed);
    return key;
  }

  // nullopt: it was changed, or wrapped by another master key.
  std::optional<DataKey> unwrap(std::string_view owner, const WrappedKey& wrapped) const {
    auto plain = codec::open_box(wrapping_key_, wrapped.nonce, owner, wrapped.box);
    DataKey key;
    if (!plain || plain->size() != key.size()) return std::nullopt;
    std::copy(plain->begin(), plain->end(), key.begin());
    sodium_memzero(plain->data(), plain->size());
    return key;
  }

  std::uint64_t destroyed_count() {
    const std::scoped_lock lock(mutex_);
    return destroyed_;
  }

  std::optional<DataKey> recall(std::string_view owner) {
    const std::scoped_lock lock(mutex_);
    const auto cached = cache_.find(std::string(owner));
    return cached == cache_.end() ? std::nullopt : std::optional(cached->second);
  }

  // Not where some key was destroyed since this one was looked up: it may be that one. A full cache is
  // emptied: the bound matters, which keys stay does not.
  void remember(std::string_view owner, const DataKey& key, std::uint64_t destroyed) {
    const std::scoped_lock lock(mutex_);
    if (destroyed != destroyed_) return;
    if (cache_.size() >= kCachedKeys) forget_cached();
    cache_.insert_or_assign(std::string(owner), key);
  }

  void drop(const std::string& owner) {
    const std::scoped_lock lock(mutex_);
    ++destroyed_;
    const auto cached = cache_.find(owner);
    if (cached == cache_.end()) return;
    sodium_memzero(cached->second.data(), cached->second.size());
    cache_.erase(cached);
  }

  void forget_all() {
    const std::scoped_lock lock(mutex_);
    forget_cached();
  }
  void forget_cached() {
    for (auto& [owner, key] : cache_) sodium_memzero(key.data(), key.size());
    cache_.clear();
  }

  std::unique_ptr<WrappedKeys> keys_;
  const std::string place_;
  DataKey wrapping_key_;
  Randomness& randomness_;
  std::mutex mutex_;  // of all below
  std::unordered_map<std::string, DataKey> cache_;
  std::uint64_t destroyed_ = 0;  // keys that this process saw destroyed
};

}  // namespace

std::unique_ptr<WrappedKeys> open_wrapped_keys_file(const std::filesystem::path& file,
                                                    std::function<void(const std::string&)> fatal) {
  return std::make_unique<WrappedKeysFile>(file, std::move(fatal));
}

std::unique_ptr<KeyStore> open_key_store(std::unique_ptr<WrappedKeys> keys, const std::string& place,
                                         const MasterKey& master, Randomness& randomness) {
  return std::make_unique<StoredKeys>(std::move(keys), place, master, randomness);
}

std::uint64_t copy_keys(WrappedKeys& from, WrappedKeys& to) {
  constexpr std::size_t kBatch = 500;
  std::vector<NamedKey> all;
  from.for_each([&](const std::string& owner, const WrappedKey& key) { all.push_back({owner, key}); });
  std::uint64_t copied = 0;
  std::vector<NamedKey> batch;
  const auto add_batch = [&] {
    const auto there = to.add(batch);
    for (std::size_t i = 0; i < batch.size(); ++i)
      if (there[i] != batch[i].key && !there[i].is_destroyed())
        throw std::runtime_error("the data key of " + batch[i].owner +
                                 " there is another one: these are not the keys of one history");
    copied += batch.size();
    batch.clear();
  };
  for (auto& named : all) {
    const auto there = to.known(named.owner);
    if (there && (there->is_destroyed() || *there == named.key)) continue;
    if (named.key.is_destroyed()) {
      to.destroy(named.owner);
      ++copied;
      continue;
    }
    batch.push_back(std::move(named));
    if (batch.size() == kBatch) add_batch();
  }
  if (!batch.empty()) add_batch();
  return copied;
}

}  // namespace groundtruth::journal
