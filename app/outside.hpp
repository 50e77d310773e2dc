// What this server needs of the outside world, by configuration: where mail goes, where media lies. With
// --dev nothing outside is needed: mail goes to files, media to a folder.
#pragma once

#include <memory>

#include "app/config.hpp"
#include "journal/data_directory.hpp"
#include "journal/key_store.hpp"
#include "workers/adapters/child_media_probe.hpp"
#include "workers/adapters/folder_blob_store.hpp"
#include "workers/adapters/s3_blob_store.hpp"
#include "workers/ports/mailer.hpp"

namespace groundtruth::app {

// Without --dev nothing is made up: what is missing is said before anything is opened, all of it at once.
// Throws CommandError (`usage`).
void refuse_what_is_missing(const Settings& settings);

inline constexpr std::size_t kMediaProbes = 4;  // processes that look at media, at a time

// Throws CommandError (`failed`, `usage`) with the mend.
struct Outside {
  // `fatal`: a write or sync of media failed after which this process cannot go on; must not return.
  Outside(const Settings& settings, const journal::DataDirectory& directory, const journal::MasterKey& master,
          const adapters::SmallBlobs::Fatal& fatal);

  std::unique_ptr<ports::Mailer> mailer;              // null: none is configured, and others send
  std::unique_ptr<adapters::FolderBlobStore> folder;  // null where media lies in S3
  std::unique_ptr<adapters::S3BlobStore> bucket;      // null where it lies in a folder
  ports::BlobStore& media() const;
  std::unique_ptr<adapters::ChildMediaProbe> probe;
};

}  // namespace groundtruth::app
