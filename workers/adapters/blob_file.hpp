// One object in one file: the content, and behind it a footer of a fixed size with what is known of it. One
// file, so that one rename makes both visible, and the content lies at its own offsets for whoever opens the
// file by hand.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "journal/codec/sha256.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::adapters {

// Throws std::invalid_argument that says what is wrong with it: the key's grammar (at most 200 characters),
// 64 lower-case hex digits, a content type of 1–127 printable characters.
void check_spec(const ports::BlobSpec& spec);
void check_key(std::string_view key);

class FileDescriptor {
 public:
  FileDescriptor(const std::filesystem::path& file, int flags);  // mode 0600; -1 and errno when it fails
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Takes an object's content while hashing it, into a file of its own that `finish` moves into place.
class BlobFileWriter final : public ports::BlobWriter {
 public:
  // `spec` was checked; `temporary` does not exist and lies on the file system of `target`.
  BlobFileWriter(ports::BlobSpec spec, std::filesystem::path temporary, std::filesystem::path target);
  ~BlobFileWriter() override;  // removes the temporary file where it is still there
  BlobFileWriter(const BlobFileWriter&) = delete;
  BlobFileWriter& operator=(const BlobFileWriter&) = delete;

  bool append(std::string_view piece) override;
  bool finish() override;

 private:
  void write(std::string_view bytes);

  const ports::BlobSpec spec_;
  const std::filesystem::path temporary_, target_;
  const FileDescriptor file_;
  journal::codec::Sha256 hash_;
  std::uint64_t taken_bytes_ = 0;
};

class BlobFile final : public ports::OpenBlob {
 public:
  // nullptr: there is no such file. Throws BlobStoreError when it is none of ours, or not whole.
  static std::unique_ptr<BlobFile> open(std::string_view key, const std::filesystem::path& file);

  const ports::BlobSpec& spec() const override { return spec_; }
  void read(std::uint64_t offset, std::size_t bytes, std::string& out) const override;

 private:
  explicit BlobFile(const std::filesystem::path& file);
  void read_footer(std::string_view key);

  const std::filesystem::path path_;
  const FileDescriptor file_;
  ports::BlobSpec spec_;
};

}  // namespace groundtruth::adapters
