// See blob_file.hpp. The footer, 256 bytes:
//
//   \ngroundtruth object 1\n<sha256>\n<bytes>\n<content type>\n<spaces>\n
#include "workers/adapters/blob_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "journal/durable_file.hpp"

namespace groundtruth::adapters {
namespace {

constexpr std::size_t kFooterBytes = 256;
constexpr std::size_t kMaxKeyChars = 200;  // a file name may have 255
constexpr std::size_t kMaxContentTypeChars = 127;
constexpr std::string_view kMagic = "\ngroundtruth object 1\n";

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what) {
  throw ports::BlobStoreError(file.string() + ": " + what);
}

[[noreturn]] void fail_with_errno(const std::filesystem::path& file, const std::string& doing) {
  fail(file, "cannot " + doing + ": " + std::generic_category().message(errno));
}

bool is_segment(std::string_view segment) {
  return !segment.empty() && std::all_of(segment.begin(), segment.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_content_type(std::string_view text) {
  return !text.empty() && text.size() <= kMaxContentTypeChars &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string footer_of(const ports::BlobSpec& spec) {
  std::string footer(kMagic);
  footer.append(spec.sha256).append("\n");
  footer.append(std::to_string(spec.bytes)).append("\n");
  footer.append(spec.content_type).append("\n");
  footer.resize(kFooterBytes - 1, ' ');
  return footer + '\n';
}

// The line up to the next '\n', which is taken away with it.
std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// nullopt: not the footer of an object of that many bytes.
std::optional<ports::BlobSpec> parse_footer(std::string_view footer, std::uint64_t content_bytes) {
  if (!footer.starts_with(kMagic)) return std::nullopt;
  footer.remove_prefix(kMagic.size());
  ports::BlobSpec spec;
  spec.sha256 = take_line(footer);
  spec.bytes = content_bytes;
  if (take_line(footer) != std::to_string(content_bytes)) return std::nullopt;
  spec.content_type = take_line(footer);
  if (!ports::is_sha256_hex(spec.sha256) || !is_content_type(spec.content_type)) return std::nullopt;
  return spec;
}

}  // namespace

void check_key(std::string_view key) {
  if (key.size() > kMaxKeyChars) throw std::invalid_argument("an object's key is too long");
  for (std::string_view rest = key;; rest.remove_prefix(rest.find('/') + 1)) {
    if (!is_segment(rest.substr(0, rest.find('/'))))
      throw std::invalid_argument("not a key of an object: " + std::string(key));
    if (rest.find('/') == std::string_view::npos) return;
  }
}

void check_spec(const ports::BlobSpec& spec) {
  check_key(spec.key);
  if (!ports::is_sha256_hex(spec.sha256)) throw std::invalid_argument("not a SHA-256 in hex: " + spec.sha256);
  if (!is_content_type(spec.content_type))
    throw std::invalid_argument("not a content type: " + spec.content_type);
}

FileDescriptor::FileDescriptor(const std::filesystem::path& file, int flags)
    : fd_(::open(file.c_str(), flags | O_CLOEXEC, 0600)) {}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

BlobFileWriter::BlobFileWriter(ports::BlobSpec spec, std::filesystem::path temporary,
                               std::filesystem::path target)
    : spec_(std::move(spec)),
      temporary_(std::move(temporary)),
      target_(std::move(target)),
      file_(temporary_, O_WRONLY | O_CREAT | O_EXCL) {
  if (file_.get() < 0) fail_with_errno(temporary_, "create");
}

BlobFileWriter::~BlobFileWriter() {
  ::unlink(temporary_.c_str());  // after the rename there is nothing of that name
}

bool BlobFileWriter::append(std::string_view piece) {
  if (piece.size() > spec_.bytes - taken_bytes_) return false;
  taken_bytes_ += piece.size();
  hash_.add(piece);
  write(piece);
  return true;
}

bool BlobFileWriter::finish() {
  if (taken_bytes_ != spec_.bytes) return false;
  if (spec_.sha256 != hash_.hex()) return false;
  write(footer_of(spec_));
  if (::fsync(file_.get()) != 0) fail_with_errno(temporary_, "sync");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_with_errno(target_, "move into place");
  try {
    journal::sync_directory_of(target_);
  } catch (const std::system_error& error) {
    throw ports::BlobStoreError(error.what());
  }
  return true;
}

void BlobFileWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_errno(temporary_, "write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

BlobFile::BlobFile(const std::filesystem::path& file) : path_(file), file_(file, O_RDONLY) {}

std::unique_ptr<BlobFile> BlobFile::open(std::string_view key, const std::filesystem::path& file) {
  std::unique_ptr<BlobFile> blob(new BlobFile(file));
  if (blob->file_.get() < 0 && errno == ENOENT) return nullptr;
  if (blob->file_.get() < 0) fail_with_errno(file, "open");
  blob->read_footer(key);
  return blob;
}

void BlobFile::read_footer(std::string_view key) {
  struct stat found{};
  if (::fstat(file_.get(), &found) != 0) fail_with_errno(path_, "look at it");
  const auto file_bytes = static_cast<std::uint64_t>(found.st_size);
  if (file_bytes < kFooterBytes) fail(path_, "not a whole object");
  std::string footer;
  read(file_bytes - kFooterBytes, kFooterBytes, footer);
  auto spec = parse_footer(footer, file_bytes - kFooterBytes);
  if (!spec) fail(path_, "not a whole object");
  spec_ = std::move(*spec);
  spec_.key = key;
}

void BlobFile::read(std::uint64_t offset, std::size_t bytes, std::string& out) const {
  std::size_t at = out.size();
  out.resize(at + bytes);
  while (at < out.size()) {
    const auto count = ::pread(file_.get(), out.data() + at, out.size() - at, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_errno(path_, "read");
    if (count == 0) fail(path_, "cut short");
    at += static_cast<std::size_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
}

}  // namespace groundtruth::adapters
