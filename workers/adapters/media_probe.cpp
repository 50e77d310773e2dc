// See media_probe.hpp.
#include "workers/adapters/media_probe.hpp"

#include <magic.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "journal/codec/utf8.hpp"
#include "workers/adapters/blob_reader.hpp"
#include "workers/adapters/media_container.hpp"

namespace groundtruth::adapters {
namespace {

constexpr std::uint64_t kSniffedBytes = 8 * 1024;

// What libmagic calls it, who reads it, and our names for it with moving pictures and without. "": not taken.
struct Container {
  std::string_view sniffed;
  const char* demuxer;
  std::string_view video;
  std::string_view audio;
};
constexpr std::array kContainers{
    Container{"video/mp4", "mov", "video/mp4", "audio/mp4"},
    Container{"video/x-m4v", "mov", "video/mp4", "audio/mp4"},
    Container{"audio/x-m4a", "mov", "video/mp4", "audio/mp4"},
    Container{"audio/mp4", "mov", "video/mp4", "audio/mp4"},
    Container{"video/quicktime", "mov", "video/quicktime", ""},
    Container{"video/webm", "matroska", "video/webm", "audio/webm"},
    Container{"video/x-matroska", "matroska", "video/x-matroska", ""},
    Container{"audio/mpeg", "mp3", "", "audio/mpeg"},
    Container{"audio/ogg", "ogg", "", "audio/ogg"},
    Container{"application/ogg", "ogg", "", "audio/ogg"},
    Container{"audio/x-wav", "wav", "", "audio/wav"},
    Container{"audio/flac", "flac", "", "audio/flac"},
    Container{"audio/x-flac", "flac", "", "audio/flac"},
    Container{"audio/x-hx-aac-adts", "aac", "", "audio/aac"},
};

constexpr std::array<std::string_view, 6> kImages{"image/jpeg", "image/png",  "image/webp",
                                                  "image/heic", "image/heif", "image/gif"};

// Source code and a mail's text are text too, whatever libmagic calls them; they are reported as plain.
bool is_control(char c) {
  const auto code = static_cast<unsigned char>(c);
  return (code < 0x20 && c != '\t' && c != '\n' && c != '\r') || code == 0x7F;
}

std::optional<ports::MediaFacts> facts_of(const Container& container, BlobReader& reader) {
  const auto found = inspect_container(reader, container.demuxer);
  if (!found) return std::nullopt;
  const std::string_view type = found->has_video ? container.video : container.audio;
  if (type.empty()) return std::nullopt;
  return ports::MediaFacts{std::string(type), found->duration_ms};
}

}  // namespace

struct LibMediaProbe::Magic {
  // Nothing that looks into archives and programs, and no guesses at what a text is about.
  magic_t handle = magic_open(MAGIC_MIME_TYPE | MAGIC_ERROR | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR |
                              MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_CSV |
                              MAGIC_NO_CHECK_JSON | MAGIC_NO_CHECK_TOKENS);
  Magic() = default;
  Magic(const Magic&) = delete;
  Magic& operator=(const Magic&) = delete;
  ~Magic() {
    if (handle != nullptr) magic_close(handle);
  }
};

LibMediaProbe::LibMediaProbe(MediaProbeOptions options)
    : options_(options), magic_(std::make_unique<Magic>()) {
  init_libav();
  if (magic_->handle == nullptr || magic_load(magic_->handle, nullptr) != 0)
    throw std::runtime_error("libmagic's database cannot be read; install the package libmagic-mgc");
}

LibMediaProbe::~LibMediaProbe() = default;

std::string LibMediaProbe::sniff(std::string_view first_bytes) {
  const std::lock_guard lock(mutex_);
  const char* type = magic_buffer(magic_->handle, first_bytes.data(), first_bytes.size());
  return type != nullptr ? type : "";
}

bool LibMediaProbe::is_text(BlobReader& reader) const {
  if (reader.size_bytes() > options_.max_text_bytes) return false;
  const std::string text = reader.read_all(0, reader.size_bytes());
  return text.size() == reader.size_bytes() && journal::codec::is_utf8(text) &&
         std::none_of(text.begin(), text.end(), is_control);
}

std::optional<ports::MediaFacts> LibMediaProbe::probe(ports::BlobStore& store, std::string_view key) {
  const auto spec = store.find(key);
  if (!spec) throw ports::BlobStoreError("there is no object " + std::string(key));
  BlobReader reader(store, spec->key, spec->bytes, options_.max_fetched_bytes);
  const std::string first_bytes = reader.read_all(0, kSniffedBytes);
  if (first_bytes.empty()) return std::nullopt;
  const std::string sniffed = sniff(first_bytes);
  for (const Container& container : kContainers)
    if (container.sniffed == sniffed) return facts_of(container, reader);
  if (std::find(kImages.begin(), kImages.end(), sniffed) != kImages.end())
    return ports::MediaFacts{sniffed, std::nullopt};
  // A transcript is text, whatever else it looks like; nobody is handed it as anything but text.
  if (is_text(reader)) return ports::MediaFacts{"text/plain", std::nullopt};
  return std::nullopt;
}

}  // namespace groundtruth::adapters
