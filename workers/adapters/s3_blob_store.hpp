// Media in a bucket of S3 or of a server that speaks like it (MinIO, Ceph, R2, …). Clients go there
// themselves, by URLs with a signature in their query; so does this side.
//
// The upload's URL fixes type, size and SHA-256: a server that checks x-amz-checksum-sha256, as S3 does,
// refuses any other content. One that does not will store what it gets, and may be given something else until
// the URL expires; `find` then says what is really there at that moment.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "journal/ports.hpp"
#include "workers/adapters/aws_signature.hpp"
#include "workers/ports/blob_store.hpp"

namespace groundtruth::adapters {

class CurlHandle;

struct S3Options {
  std::string endpoint;  // "https://s3.eu-central-1.amazonaws.com": scheme, host, a port if need be
  std::string region = "us-east-1";
  std::string bucket;
  std::string access_key_id;
  std::string secret_access_key;
  bool path_style = false;  // <endpoint>/<bucket>/<key> instead of <bucket>.<endpoint>/<key>
  std::string key_prefix;   // "production/": before every key, for several installations in one bucket
  // True where the server refuses an upload whose SHA-256 is not the announced one: `find` then believes the
  // checksum that it keeps. False: `find` reads the whole object each time.
  bool server_checks_sha256 = false;
  std::string ca_file;  // whom to trust instead of the system's authorities; "": those
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{60'000};  // for each request
};

// Threads: any; a connection for each call at a time, kept for the next ones. Needs the rights s3:GetObject,
// PutObject, DeleteObject and, to tell what is missing from what is forbidden, ListBucket. Keys and specs
// that are malformed throw std::invalid_argument. The clock must outlive it.
class S3BlobStore final : public ports::BlobStore {
 public:
  // Throws std::invalid_argument that names the option which is wrong. Does not call the server.
  S3BlobStore(S3Options options, const journal::Clock& clock);
  ~S3BlobStore() override;

  ports::SignedUpload sign_upload(const ports::BlobSpec& spec, domain::Timestamp now,
                                  std::chrono::seconds valid) const override;
  std::string sign_download(std::string_view key, domain::Timestamp now,
                            std::chrono::seconds valid) const override;

  std::optional<ports::BlobSpec> find(std::string_view key) override;
  void put(const ports::BlobSpec& spec, std::string_view content) override;
  std::string read(std::string_view key, std::uint64_t offset, std::size_t max_bytes) override;
  void remove(std::string_view key) override;

 private:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Call;
  struct Answer;

  std::string sign(const std::string& method, std::string_view key, Headers headers, domain::Timestamp now,
                   std::chrono::seconds valid) const;
  Answer perform(const Call& call);
  Answer perform_on(CurlHandle& curl, const Call& call);
  [[noreturn]] void fail(const Call& call, const Answer& answer) const;
  std::string hash_of_content(std::string_view key, std::uint64_t size_bytes);

  const S3Options options_;
  const AwsAccess access_;
  const std::string scheme_;  // with "://"
  const std::string host_;
  const std::string path_;  // what stands before the key
  const journal::Clock& clock_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<CurlHandle>> idle_;
};

}  // namespace groundtruth::adapters
