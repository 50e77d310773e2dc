// Media in a folder of this machine, served by our own server.
//
//   <root>/small.db                objects of at most kSmallBytes (small_blobs.hpp); not in a shared folder
//   <root>/incoming/<number>       what is being written; emptied when the store opens. In a shared folder
//                                  <process>-<number>, and what was left behind goes after a day
//   <root>/objects/<xx>/<key>      complete objects (blob_file.hpp), '/' of the key as '.', below the first
//                                  two digits of the key's hash so that no directory grows too large
//
// A crash at any instant leaves an object whole or not there at all. Writing under a key again puts the new
// object in the place of the old one, at once for whoever opens it next. Keys name their content, so that it
// may come again as another type but never grow from small to large.
//
// Threads: any. One process may have the folder open, or several, of one machine or of many with the folder
// on a file system that they share, where all open it as shared: one file then for each object, however
// small.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "workers/adapters/small_blobs.hpp"
#include "workers/adapters/url_signer.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::adapters {

inline constexpr std::uint64_t kSmallBytes = 16'384;

// Keys and specs that are malformed throw std::invalid_argument; in a request, they are a wrong signature.
enum class Sharing : std::uint8_t { alone, shared };

class FolderBlobStore final : public ports::BlobStore, public ports::ServedBlobs {
 public:
  // Makes `root` (0700) where it is missing, its parent not. Throws BlobStoreError when it cannot be used.
  // `fatal`: see SmallBlobs.
  FolderBlobStore(std::filesystem::path root, const journal::MasterKey& master,
                  Sharing sharing = Sharing::alone, SmallBlobs::Fatal fatal = {});

  // See UrlSigner.
  void set_public_base(std::string base) { signer_.set_public_base(std::move(base)); }

  ports::SignedUpload sign_upload(const ports::BlobSpec& spec, domain::Timestamp now,
                                  std::chrono::seconds valid) const override;
  std::string sign_download(std::string_view key, domain::Timestamp now,
                            std::chrono::seconds valid) const override;
  std::optional<ports::BlobSpec> find(std::string_view key) override;
  void put(const ports::BlobSpec& spec, std::string_view content) override;
  bool put_aside(const ports::BlobSpec& spec, std::string_view content, const Done& done) override;
  std::string read(std::string_view key, std::uint64_t offset, std::size_t max_bytes) override;
  void remove(std::string_view key) override;  // who has it open reads on

  ports::SignedSpec check_upload(const ports::BlobRequest& request, domain::Timestamp now) const override;
  ports::Signature check_download(const ports::BlobRequest& request, domain::Timestamp now) const override;
  std::unique_ptr<ports::BlobWriter> begin(const ports::BlobSpec& spec) override;
  std::unique_ptr<ports::OpenBlob> open(std::string_view key) override;

 private:
  std::filesystem::path path_of(std::string_view key) const;

  const std::filesystem::path root_;
  UrlSigner signer_;
  std::optional<SmallBlobs> small_;  // none in a shared folder
  std::string prefix_;               // of what this process writes in `incoming`
  std::atomic<std::uint64_t> next_number_{0};
};

}  // namespace groundtruth::adapters
