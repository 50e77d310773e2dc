// Signed URLs to objects that our own server serves:
//
//   <base>/media/<key>?X-Amz-Date=20260618T143200Z&X-Amz-Expires=3600&X-Amz-Signature=<hex>
//
// The names are those of S3, so that a client need not care which store it talks to. The signature is
// HMAC-SHA256, under a key derived from the master key, over the use (GET or PUT), the key, both times and,
// for an upload, content type, size and hash, which its URL carries too.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "domain/values.hpp"
#include "journal/key_store.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::adapters {

// Thread-safe once the base is set. Every node that shares the master key accepts the others' URLs.
class UrlSigner {
 public:
  explicit UrlSigner(const journal::MasterKey& master) : key_(master.derive("media")) {}

  // Scheme, host and port as clients reach this server. Set once, before the first URL is signed; not in the
  // constructor because the port may be known only once the listener is bound.
  void set_public_base(std::string base);

  ports::SignedUpload sign_upload(const ports::BlobSpec& spec, domain::Timestamp now,
                                  std::chrono::seconds valid) const;
  std::string sign_download(std::string_view key, domain::Timestamp now, std::chrono::seconds valid) const;

  ports::SignedSpec check_upload(const ports::BlobRequest& request, domain::Timestamp now) const;
  ports::Signature check_download(const ports::BlobRequest& request, domain::Timestamp now) const;

 private:
  journal::DataKey key_;
  std::string base_;
};

}  // namespace groundtruth::adapters
