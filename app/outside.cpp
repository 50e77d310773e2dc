// See outside.hpp.
#include "app/outside.hpp"

#include <utility>

#include "app/exit_code.hpp"
#include "journal/ports.hpp"
#include "workers/adapters/file_mailer.hpp"

namespace groundtruth::app {
namespace {

std::unique_ptr<ports::Mailer> make_mailer(const Settings& settings,
                                           const journal::DataDirectory& directory) {
  auto& clock = journal::system_clock();
  try {
    if (settings.mail) return std::make_unique<adapters::SmtpMailer>(*settings.mail, clock);
    if (!settings.dev) return nullptr;
    return std::make_unique<adapters::FileMailer>(
        directory.mail(), adapters::MailSender{"no-reply@groundtruth.test", "groundtruth"}, clock);
  } catch (const std::invalid_argument& wrong) {
    throw CommandError(ExitCode::usage, std::string("mail: ") + wrong.what());
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, std::string("mail: ") + failure.what());
  }
}

}  // namespace

void refuse_what_is_missing(const Settings& settings) {
  if (settings.dev) return;
  std::string missing;
  if (!settings.s3 && settings.media_folder.empty())
    missing += "\n  media.folder or media.s3 is required: where media lies";
  if (!settings.mail && settings.roles.workers)
    missing +=
        "\n  mail is required: the server that sends mail (or leave `workers` to other nodes, with --roles)";
  if (!missing.empty())
    throw CommandError(ExitCode::usage, "without --dev the configuration lacks:" + missing +
                                            "\nREADME.md lists all settings; --dev needs none of these.");
}

Outside::Outside(const Settings& settings, const journal::DataDirectory& directory,
                 const journal::MasterKey& master, const adapters::SmallBlobs::Fatal& fatal)
    : mailer(make_mailer(settings, directory)) {
  try {
    if (settings.s3)
      bucket = std::make_unique<adapters::S3BlobStore>(*settings.s3, journal::system_clock());
    else if (!settings.media_folder.empty())
      folder = std::make_unique<adapters::FolderBlobStore>(
          settings.media_folder, master,
          settings.kafka ? adapters::Sharing::shared : adapters::Sharing::alone, fatal);
    else
      folder = std::make_unique<adapters::FolderBlobStore>(directory.media(), master,
                                                           adapters::Sharing::alone, fatal);
    adapters::ChildMediaProbeOptions probing;
    probing.max_running = kMediaProbes;
    probe = std::make_unique<adapters::ChildMediaProbe>(std::move(probing));
  } catch (const std::invalid_argument& wrong) {
    throw CommandError(ExitCode::usage, std::string("media.s3: ") + wrong.what());
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, std::string("media: ") + failure.what());
  }
}

ports::BlobStore& Outside::media() const {
  if (bucket) return *bucket;
  return *folder;
}

}  // namespace groundtruth::app
