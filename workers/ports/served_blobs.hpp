// Media that our own server takes in and hands out, for a store that has no server of its own: what stands
// behind the URLs which BlobStore signs.
//
// Threads: any; a writer is used by one at a time. Checking is a calculation; what a writer does may block
// and belongs on a pool; opening and reading take as long as the disk does for that piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "domain/values.hpp"
#include "workers/ports/blob_store.hpp"

namespace groundtruth::ports {

// A request for an object as it came: the views live as long as the request does.
struct BlobRequest {
  std::string_view key;
  std::span<const std::pair<std::string, std::string>> query;  // decoded
};

enum class Signature : std::uint8_t {
  valid,
  wrong,    // not one that we made for this key and this use
  expired,  // ours, but its time is over
};

struct SignedSpec {
  Signature signature = Signature::wrong;
  BlobSpec spec;  // what may be written, when valid
};

// One object on its way in. Destroyed before it has finished, it leaves nothing behind.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // False: that is more than the spec says, and the object can no longer be finished.
  virtual bool append(std::string_view piece) = 0;
  // True: the object is durable and to be found. False: what came is not what the spec says. Called last.
  virtual bool finish() = 0;
};

// An object as it was when it was opened, whatever becomes of its key.
class OpenBlob {
 public:
  virtual ~OpenBlob() = default;
  virtual const BlobSpec& spec() const = 0;
  // Appends exactly these bytes, which the object has. Throws BlobStoreError when they cannot be read.
  virtual void read(std::uint64_t offset, std::size_t bytes, std::string& out) const = 0;
};

class ServedBlobs {
 public:
  virtual ~ServedBlobs() = default;

  virtual SignedSpec check_upload(const BlobRequest& request, domain::Timestamp now) const = 0;
  virtual Signature check_download(const BlobRequest& request, domain::Timestamp now) const = 0;

  virtual std::unique_ptr<BlobWriter> begin(const BlobSpec& spec) = 0;  // throws BlobStoreError
  virtual std::unique_ptr<OpenBlob> open(std::string_view key) = 0;     // nullptr: there is no such object
};

}  // namespace groundtruth::ports
