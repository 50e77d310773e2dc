// See folder_blob_store.hpp.
#include "workers/adapters/folder_blob_store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "journal/durable_file.hpp"
#include "journal/ports.hpp"
#include "workers/adapters/blob_file.hpp"

namespace groundtruth::adapters {
namespace {

constexpr unsigned kShards = 256;
constexpr const char* kNotItsContent = ": the content is not what its spec says";

bool is_of(const ports::BlobSpec& spec, std::string_view content) {
  return content.size() == spec.bytes && journal::codec::sha256_hex(content) == spec.sha256;
}

std::string shard_name(unsigned number) {
  constexpr std::string_view digits = "0123456789abcdef";
  return {digits[number >> 4U], digits[number & 15U]};
}

unsigned shard_of(std::string_view key) {
  return static_cast<unsigned char>(journal::codec::sha256_bytes(key).front());
}

void make_directory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
  throw ports::BlobStoreError(path.string() +
                              ": cannot create it: " + std::generic_category().message(errno));
}

// All of them at once: a directory that was made on the way might be lost in a crash that its object
// survives.
void make_directories(const std::filesystem::path& root) {
  make_directory(root);
  make_directory(root / "incoming");
  make_directory(root / "objects");
  for (unsigned number = 0; number < kShards; ++number) make_directory(root / "objects" / shard_name(number));
  journal::sync_directory(root / "objects");
  journal::sync_directory(root);
  journal::sync_directory_of(root);
}

// The folder itself, before anything in it.
std::filesystem::path made(std::filesystem::path root) {
  make_directories(root);
  return root;
}

// Takes a small object's content into memory.
class SmallBlobWriter final : public ports::BlobWriter {
 public:
  SmallBlobWriter(ports::BlobSpec spec, SmallBlobs& blobs) : spec_(std::move(spec)), blobs_(blobs) {}
  bool append(std::string_view piece) override {
    if (piece.size() > spec_.bytes - content_.size()) return false;
    content_ += piece;
    return true;
  }
  bool finish() override {
    if (!is_of(spec_, content_)) return false;
    blobs_.put(spec_, content_);
    return true;
  }

 private:
  const ports::BlobSpec spec_;
  SmallBlobs& blobs_;
  std::string content_;
};

void remove_all_in(const std::filesystem::path& directory) {
  for (const auto& leftover : std::filesystem::directory_iterator(directory))
    std::filesystem::remove(leftover.path());
}

// No transfer takes as long as that; a file may go meanwhile, being another process's.
void remove_old_in(const std::filesystem::path& directory) {
  const auto before = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24);
  std::error_code ignored;
  for (const auto& leftover : std::filesystem::directory_iterator(directory)) {
    const auto changed = leftover.last_write_time(ignored);
    if (!ignored && changed < before) std::filesystem::remove(leftover.path(), ignored);
  }
}

std::string random_prefix() {
  std::array<std::uint8_t, 8> bytes{};
  journal::system_randomness().fill(bytes);
  std::string out;
  for (const auto byte : bytes) out += shard_name(byte);
  return out + "-";
}

}  // namespace

FolderBlobStore::FolderBlobStore(std::filesystem::path root, const journal::MasterKey& master,
                                 Sharing sharing, SmallBlobs::Fatal fatal) try
    : root_(made(std::move(root))), signer_(master) {
  journal::init_crypto();
  if (sharing == Sharing::alone) {
    small_.emplace(root_ / "small.db", std::move(fatal));
    remove_all_in(root_ / "incoming");
  } else {
    prefix_ = random_prefix();
    remove_old_in(root_ / "incoming");
  }
} catch (const std::system_error& error) {
  throw ports::BlobStoreError(error.what());
}

std::filesystem::path FolderBlobStore::path_of(std::string_view key) const {
  check_key(key);  // hence no name of another directory: segments hold no '.', and are never empty
  std::string name(key);
  std::replace(name.begin(), name.end(), '/', '.');
  return root_ / "objects" / shard_name(shard_of(key)) / name;
}

ports::SignedUpload FolderBlobStore::sign_upload(const ports::BlobSpec& spec, domain::Timestamp now,
                                                 std::chrono::seconds valid) const {
  check_spec(spec);
  return signer_.sign_upload(spec, now, valid);
}

std::string FolderBlobStore::sign_download(std::string_view key, domain::Timestamp now,
                                           std::chrono::seconds valid) const {
  check_key(key);
  return signer_.sign_download(key, now, valid);
}

ports::SignedSpec FolderBlobStore::check_upload(const ports::BlobRequest& request,
                                                domain::Timestamp now) const {
  return signer_.check_upload(request, now);
}

ports::Signature FolderBlobStore::check_download(const ports::BlobRequest& request,
                                                 domain::Timestamp now) const {
  return signer_.check_download(request, now);
}

std::unique_ptr<ports::BlobWriter> FolderBlobStore::begin(const ports::BlobSpec& spec) {
  check_spec(spec);
  if (small_ && spec.bytes <= kSmallBytes) return std::make_unique<SmallBlobWriter>(spec, *small_);
  auto temporary = root_ / "incoming" / (prefix_ + std::to_string(next_number_++));
  return std::make_unique<BlobFileWriter>(spec, std::move(temporary), path_of(spec.key));
}

std::unique_ptr<ports::OpenBlob> FolderBlobStore::open(std::string_view key) {
  check_key(key);
  if (small_)
    if (auto blob = small_->open(key)) return blob;
  return BlobFile::open(key, path_of(key));
}

std::optional<ports::BlobSpec> FolderBlobStore::find(std::string_view key) {
  check_key(key);
  if (small_)
    if (const auto blob = small_->open(key)) return blob->spec();
  const auto file = path_of(key);
  const auto blob = BlobFile::open(key, file);
  if (!blob) return std::nullopt;
  // Whoever wrote it may have ended, or failed, between giving it its name and syncing that.
  try {
    journal::sync_directory_of(file);
  } catch (const std::system_error& error) {
    throw ports::BlobStoreError(error.what());
  }
  return blob->spec();
}

void FolderBlobStore::put(const ports::BlobSpec& spec, std::string_view content) {
  const auto writer = begin(spec);
  if (!writer->append(content) || !writer->finish()) throw std::invalid_argument(spec.key + kNotItsContent);
}

bool FolderBlobStore::put_aside(const ports::BlobSpec& spec, std::string_view content, const Done& done) {
  check_spec(spec);
  if (!small_ || spec.bytes > kSmallBytes) return false;
  if (!is_of(spec, content)) throw std::invalid_argument(spec.key + kNotItsContent);
  return small_->put_aside(spec, content, done);
}

std::string FolderBlobStore::read(std::string_view key, std::uint64_t offset, std::size_t max_bytes) {
  const auto blob = open(key);
  if (!blob) throw ports::BlobStoreError(std::string(key) + ": there is no such object");
  std::string content;
  if (offset >= blob->spec().bytes) return content;
  const std::uint64_t left = blob->spec().bytes - offset;
  blob->read(offset, static_cast<std::size_t>(std::min<std::uint64_t>(left, max_bytes)), content);
  return content;
}

void FolderBlobStore::remove(std::string_view key) {
  check_key(key);
  if (small_) small_->remove(key);
  try {
    journal::remove_durably(path_of(key));
  } catch (const std::system_error& error) {
    throw ports::BlobStoreError(error.what());
  }
}

}  // namespace groundtruth::adapters
