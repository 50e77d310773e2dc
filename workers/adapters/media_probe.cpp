// See media_probe.hpp.
#include "workers/adapters/media_probe.hpp"

#include <algorithm>
#include <string_view>

#include "journal/codec/utf8.hpp"
#include "workers/adapters/media_container.hpp"
#include "workers/adapters/media_sniff.hpp"
#include "workers/adapters/picture.hpp"

namespace groundtruth::adapters {
namespace {

bool is_control(char c) {
  const auto code = static_cast<unsigned char>(c);
  return (code < 0x20 && c != '\t' && c != '\n' && c != '\r') || code == 0x7F;
}

// Source code and a mail's text are text too; they are reported as plain.
bool is_text(BlobReader& reader, std::uint64_t max_text_bytes) {
  if (reader.size_bytes() > max_text_bytes) return false;
  const std::string text = reader.read_all(0, reader.size_bytes());
  return text.size() == reader.size_bytes() && journal::codec::is_utf8(text) &&
         std::none_of(text.begin(), text.end(), is_control);
}

std::optional<ports::MediaFacts> facts_of(const Sniffed& sniffed, BlobReader& reader) {
  const auto found = inspect_container(reader, sniffed.demuxer);
  if (!found) return std::nullopt;
  const std::string_view type = found->has_video ? sniffed.video : sniffed.audio;
  if (type.empty()) return std::nullopt;
  return ports::MediaFacts{std::string(type), found->duration_ms};
}

}  // namespace

std::optional<ports::MediaFacts> inspect_media(BlobReader& reader, std::uint64_t max_text_bytes) {
  if (reader.size_bytes() == 0) return std::nullopt;
  const Sniffed sniffed = sniff(reader);
  if (sniffed.format == MediaFormat::container) {
    if (auto facts = facts_of(sniffed, reader)) return facts;
  } else if (sniffed.format != MediaFormat::unknown && is_whole_picture(reader, sniffed.format)) {
    return ports::MediaFacts{std::string(sniffed.picture), std::nullopt};
  }
  // A transcript is text, whatever else it looks like; nobody is handed it as anything but text.
  if (is_text(reader, max_text_bytes)) return ports::MediaFacts{"text/plain", std::nullopt};
  return std::nullopt;
}

LibMediaProbe::LibMediaProbe(MediaProbeOptions options) : options_(options) {
  init_libav();
}

std::optional<ports::MediaFacts> LibMediaProbe::probe(ports::BlobStore& store, std::string_view key,
                                                      std::stop_token) {
  const auto spec = store.find(key);
  if (!spec) throw ports::BlobStoreError("there is no object " + std::string(key));
  BlobReader reader(store, spec->key, spec->bytes, options_.max_fetched_bytes);
  return inspect_media(reader, options_.max_text_bytes);
}

}  // namespace groundtruth::adapters
