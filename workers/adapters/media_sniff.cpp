// See media_sniff.hpp.
#include "workers/adapters/media_sniff.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "workers/adapters/file_numbers.hpp"

namespace groundtruth::adapters {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kSniffedBytes = 4 * 1024;
constexpr int kMaxBoxesBeforeType = 8;
constexpr std::size_t kMaxBrands = 64;

Sniffed container(const char* demuxer, std::string_view video, std::string_view audio) {
  return {MediaFormat::container, demuxer, video, audio, {}};
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// --- ISO base media (ISO/IEC 14496-12) and its ancestor, QuickTime

Sniffed of_brands(std::string_view major, std::string_view compatible) {
  const auto has = [&](std::string_view brand) {
    for (std::size_t i = 0; i + 4 <= compatible.size(); i += 4)
      if (compatible.substr(i, 4) == brand) return true;
    return false;
  };
  const auto picture = [](std::string_view type) {
    return Sniffed{MediaFormat::iso_picture, nullptr, {}, {}, type};
  };
  if (is_one_of(major, {"heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs"}))
    return picture("image/heic");
  if (is_one_of(major, {"avif", "avis"})) return picture("image/avif");
  if (is_one_of(major, {"mif1", "mif2", "msf1", "miaf"}))
    return picture(has("avif") || has("avis") ? "image/avif" : "image/heif");
  if (is_one_of(major, {"crx ", "jp2 ", "jpx ", "jpm ", "jxl "})) return {};  // pictures of other kinds
  if (major == "qt  ") return container("mov", "video/quicktime", "audio/quicktime");
  if (major.starts_with("3g2") || is_one_of(major, {"kddi", "KDDI"}))
    return container("mov", "video/3gpp2", "audio/3gpp2");
  if (major.starts_with("3g")) return container("mov", "video/3gpp", "audio/3gpp");
  // Any other brand: makers of cameras and programs use hundreds of their own.
  return container("mov", "video/mp4", "audio/mp4");
}

// The first box is of a type that such files begin with; what the file is, its `ftyp` says, which may stand
// behind padding. A film without one is from before there were brands.
Sniffed of_boxes(BlobReader& reader, std::string_view head) {
  const auto type = head.substr(4, 4);
  if (!is_one_of(type, {"ftyp", "moov", "mdat", "wide", "free", "skip", "pnot", "styp", "sidx"})) return {};
  std::uint64_t at = 0;
  for (int i = 0; i < kMaxBoxesBeforeType; ++i) {
    const std::string box = reader.read_all(at, at + 16 + 4 * kMaxBrands);
    const auto header = read_box_header(box);
    if (!header || header->bytes > reader.size_bytes() - at) {
      // Only the last box may go on to the end, or be cut: what follows is for the demuxer to say.
      if (i == 0 && type == "ftyp") return {};
      break;
    }
    const auto name = std::string_view(box).substr(4, 4);
    if (name == "ftyp" || name == "styp") {
      const auto content = std::string_view(box).substr(0, header->bytes).substr(header->header_bytes);
      if (content.size() < 4) return {};
      return of_brands(content.substr(0, 4), content.size() > 8 ? content.substr(8) : ""sv);
    }
    at += header->bytes;
  }
  return container("mov", "video/quicktime", "audio/quicktime");
}

// --- Matroska: the document type, in the header element (RFC 8794, section 11)

std::optional<std::uint64_t> take_vint(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(text.front());
  std::size_t bytes = 1;
  while (bytes <= 8 && (first & (0x80U >> (bytes - 1))) == 0) ++bytes;
  if (bytes > 8 || text.size() < bytes) return std::nullopt;
  std::uint64_t value = first & (0xFFU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) value = value << 8U | static_cast<unsigned char>(text[i]);
  text.remove_prefix(bytes);
  return value;
}

Sniffed of_matroska(std::string_view head) {
  head.remove_prefix(4);
  const auto size = take_vint(head);
  if (!size) return {};
  head = head.substr(0, *size);
  while (head.size() >= 2) {
    // All ids here have one byte or two.
    const bool is_short = (static_cast<unsigned char>(head.front()) & 0x80U) != 0;
    const auto id = head.substr(0, is_short ? 1 : 2);
    head.remove_prefix(id.size());
    const auto bytes = take_vint(head);
    if (!bytes || *bytes > head.size()) return {};
    if (id == "\x42\x82"sv) {
      const auto type = head.substr(0, std::min<std::size_t>(*bytes, head.substr(0, *bytes).find('\0')));
      if (type == "webm") return container("matroska", "video/webm", "audio/webm");
      if (type == "matroska") return container("matroska", "video/x-matroska", "audio/x-matroska");
      return {};
    }
    head.remove_prefix(*bytes);
  }
  return {};
}

// --- streams of frames

bool is_mpeg_audio(std::string_view head) {
  if (head.size() < 4) return false;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(head[i]); };
  const unsigned version = (byte(1) >> 3U) & 3U, layer = (byte(1) >> 1U) & 3U;
  const unsigned bitrate = byte(2) >> 4U, rate = (byte(2) >> 2U) & 3U;
  // Layers III and II: nobody writes layer I, and UTF-16 begins like it.
  return byte(0) == 0xFF && (byte(1) & 0xE0U) == 0xE0 && version != 1 && (layer == 1 || layer == 2) &&
         bitrate != 15 && bitrate != 0 && rate != 3;
}

bool is_adts(std::string_view head) {
  if (head.size() < 7) return false;
  const auto second = static_cast<unsigned char>(head[1]);
  const auto third = static_cast<unsigned char>(head[2]);
  return head[0] == '\xFF' && (second & 0xF6U) == 0xF0 && ((third >> 2U) & 15U) < 13;
}

Sniffed of_frames(std::string_view head) {
  if (head.starts_with("fLaC")) return container("flac", "", "audio/flac");
  if (is_adts(head)) return container("aac", "", "audio/aac");
  if (is_mpeg_audio(head)) return container("mp3", "", "audio/mpeg");
  return {};
}

// Behind an ID3 tag, with a cover of some megabytes perhaps.
Sniffed of_tagged(BlobReader& reader, std::string_view head) {
  if (head.size() < 10) return {};
  std::uint64_t bytes = 0;
  for (std::size_t i = 6; i < 10; ++i) bytes = bytes << 7U | (static_cast<unsigned char>(head[i]) & 0x7FU);
  const bool has_footer = (static_cast<unsigned char>(head[5]) & 0x10U) != 0;
  const std::uint64_t behind = 10 + bytes + (has_footer ? 10 : 0);
  Sniffed found = of_frames(reader.read_all(behind, behind + 16));
  // Some writers pad what follows the tag: then only frames can follow, and the demuxer looks for them.
  if (found.format == MediaFormat::unknown && behind < reader.size_bytes())
    return container("mp3", "", "audio/mpeg");
  return found;
}

// Packets of 188 bytes; where each carries a time before it, as on the cards of camcorders, of 192.
bool is_transport_stream(std::string_view head, std::size_t packet_bytes, std::size_t sync) {
  constexpr std::size_t packets = 5;
  std::size_t seen = 0;
  for (std::size_t at = sync; at < head.size() && seen < packets; at += packet_bytes, ++seen)
    if (head[at] != '\x47') return false;
  return seen >= 3;
}

// "RIFF" or its like, a size, and what it holds.
Sniffed of_chunks(std::string_view head) {
  if (head.size() < 12) return {};
  const auto outer = head.substr(0, 4), inner = head.substr(8, 4);
  if (is_one_of(outer, {"RIFF", "RF64", "BW64"}) && inner == "WAVE") return container("wav", "", "audio/wav");
  if (outer == "RIFF" && inner == "AVI ") return container("avi", "video/x-msvideo", "");
  if (outer == "RIFF" && inner == "WEBP") return {MediaFormat::webp, nullptr, {}, {}, "image/webp"};
  if (outer == "FORM" && (inner == "AIFF" || inner == "AIFC")) return container("aiff", "", "audio/aiff");
  return {};
}

Sniffed of_picture(std::string_view head) {
  if (head.starts_with("\xFF\xD8\xFF")) return {MediaFormat::jpeg, nullptr, {}, {}, "image/jpeg"};
  if (head.starts_with("\x89PNG\r\n\x1A\n")) return {MediaFormat::png, nullptr, {}, {}, "image/png"};
  if (head.starts_with("GIF87a") || head.starts_with("GIF89a"))
    return {MediaFormat::gif, nullptr, {}, {}, "image/gif"};
  if (head.starts_with("II*\0"sv) || head.starts_with("MM\0*"sv))
    return {MediaFormat::tiff, nullptr, {}, {}, "image/tiff"};
  return {};
}

}  // namespace

Sniffed sniff(BlobReader& reader) {
  const std::string bytes = reader.read_all(0, kSniffedBytes);
  const std::string_view head = bytes;
  if (auto found = of_picture(head); found.format != MediaFormat::unknown) return found;
  if (auto found = of_chunks(head); found.format != MediaFormat::unknown) return found;
  if (head.starts_with("\x1A\x45\xDF\xA3")) return of_matroska(head);
  if (head.starts_with("OggS")) return container("ogg", "video/ogg", "audio/ogg");
  if (head.starts_with("#!AMR-WB\n")) return container("amr", "", "audio/amr-wb");
  if (head.starts_with("#!AMR\n")) return container("amr", "", "audio/amr");
  if (head.starts_with("caff\0\1"sv)) return container("caf", "", "audio/x-caf");
  if (head.starts_with("ID3")) return of_tagged(reader, head);
  if (is_transport_stream(head, 188, 0) || is_transport_stream(head, 192, 4))
    return container("mpegts", "video/mp2t", "");
  if (auto found = of_frames(head); found.format != MediaFormat::unknown) return found;
  if (head.size() >= 8) return of_boxes(reader, head);
  return {};
}

}  // namespace groundtruth::adapters
