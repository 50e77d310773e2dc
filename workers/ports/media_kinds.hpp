// The kinds of media that are taken, under the names that answers give them. One table: what an announcement
// may say, what a file's own bytes may turn out to be, and what docs/media.md lists (a test compares them).
//
// The choice: what phones, cameras, recorders and browsers write. What is left out, and why, is in
// docs/media.md.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/requirements.hpp"

namespace groundtruth::ports {

struct MediaKind {
  std::string_view type;
  domain::Modality modality;
  // Kinds of one container differ only by what is inside, which neither a file's name nor a browser knows.
  std::string_view container;
  std::string_view extensions;  // of file names, lower case, with spaces between them
  std::string_view aliases;     // other names of `type` in use, likewise
};

inline constexpr std::array kMediaKinds{
    MediaKind{"video/mp4", domain::Modality::video, "iso", "mp4 m4v mp4v",
              "video/x-m4v video/m4v video/x-mp4 application/mp4"},
    MediaKind{"video/quicktime", domain::Modality::video, "iso", "mov qt",
              "video/mov video/x-mov video/x-quicktime"},
    MediaKind{"video/3gpp", domain::Modality::video, "iso", "3gp 3gpp", "video/3gp video/x-3gpp"},
    MediaKind{"video/3gpp2", domain::Modality::video, "iso", "3g2 3gp2 3gpp2", "video/3g2 video/x-3gpp2"},
    MediaKind{"video/webm", domain::Modality::video, "matroska", "webm", "video/x-webm"},
    MediaKind{"video/x-matroska", domain::Modality::video, "matroska", "mkv",
              "video/matroska video/mkv video/x-mkv application/x-matroska"},
    MediaKind{"video/x-msvideo", domain::Modality::video, "avi", "avi",
              "video/avi video/msvideo video/vnd.avi"},
    MediaKind{"video/mp2t", domain::Modality::video, "mpegts", "ts mts m2ts m2t",
              "video/mpegts video/x-mpegts video/mp2ts video/m2ts video/vnd.dlna.mpeg-tts"},
    MediaKind{"video/ogg", domain::Modality::video, "ogg", "ogv", "video/x-ogg"},
    MediaKind{"audio/mp4", domain::Modality::audio, "iso", "m4a m4b",
              "audio/x-m4a audio/m4a audio/x-mp4 audio/mp4a-latm"},
    MediaKind{"audio/quicktime", domain::Modality::audio, "iso", "qta", "audio/x-quicktime"},
    MediaKind{"audio/3gpp", domain::Modality::audio, "iso", "3ga", "audio/3gp audio/x-3gpp"},
    MediaKind{"audio/3gpp2", domain::Modality::audio, "iso", "", "audio/3g2"},
    MediaKind{"audio/webm", domain::Modality::audio, "matroska", "weba", "audio/x-webm"},
    MediaKind{"audio/x-matroska", domain::Modality::audio, "matroska", "mka",
              "audio/matroska audio/mka audio/x-mka"},
    MediaKind{"audio/mpeg", domain::Modality::audio, "mp3", "mp3 mp2 mpga",
              "audio/mp3 audio/x-mp3 audio/x-mpeg audio/mpeg3 audio/x-mpeg-3 audio/mpg audio/x-mpg"},
    MediaKind{"audio/ogg", domain::Modality::audio, "ogg", "ogg oga opus spx",
              "audio/opus audio/x-ogg audio/vorbis audio/speex audio/x-opus+ogg audio/x-vorbis+ogg "
              "application/ogg"},
    MediaKind{"audio/wav", domain::Modality::audio, "wave", "wav wave",
              "audio/x-wav audio/wave audio/vnd.wave audio/x-pn-wav"},
    MediaKind{"audio/flac", domain::Modality::audio, "flac", "flac", "audio/x-flac"},
    MediaKind{"audio/aac", domain::Modality::audio, "adts", "aac adts",
              "audio/x-aac audio/aacp audio/x-hx-aac-adts audio/vnd.dlna.adts"},
    MediaKind{"audio/amr", domain::Modality::audio, "amr", "amr", "audio/x-amr audio/amr-nb"},
    MediaKind{"audio/amr-wb", domain::Modality::audio, "amr", "awb", "audio/x-amr-wb"},
    MediaKind{"audio/aiff", domain::Modality::audio, "aiff", "aif aiff aifc",
              "audio/x-aiff audio/x-aifc audio/aifc"},
    MediaKind{"audio/x-caf", domain::Modality::audio, "caf", "caf", "audio/caf"},
    MediaKind{"image/jpeg", domain::Modality::image, "jpeg", "jpg jpeg jpe jfif",
              "image/jpg image/pjpeg image/x-jpeg image/jfif"},
    MediaKind{"image/png", domain::Modality::image, "png", "png apng", "image/x-png image/apng"},
    MediaKind{"image/webp", domain::Modality::image, "webp", "webp", "image/x-webp"},
    MediaKind{"image/gif", domain::Modality::image, "gif", "gif", "image/x-gif"},
    MediaKind{"image/heic", domain::Modality::image, "heif", "heic heics hif",
              "image/x-heic image/heic-sequence"},
    MediaKind{"image/heif", domain::Modality::image, "heif", "heif heifs",
              "image/x-heif image/heif-sequence"},
    MediaKind{"image/avif", domain::Modality::image, "heif", "avif avifs",
              "image/x-avif image/avif-sequence"},
    MediaKind{"image/tiff", domain::Modality::image, "tiff", "tif tiff", "image/x-tiff image/tif"},
    MediaKind{"text/plain", domain::Modality::text, "text", "txt text md csv srt vtt",
              "text/markdown text/csv text/vtt text/srt application/x-subrip"},
};

// File names that say of a file that nobody would get it through: it is refused before it is sent. Any other
// name that is not in the table says nothing.
inline constexpr std::string_view kRefusedExtensions =
    "3ds 7z aax ai ape apk asf bin bmp cr2 cr3 crw dng doc docx dmg emf eps epub exe flv f4v gz htm html ico "
    "iso jar jp2 js jxl key mid midi mod mpeg mpg mxf nef nrw ods odt orf pages pdf pef ppt pptx ps psd r3d "
    "raf rar raw rm rmvb rtf rw2 arw svg svgz swf tar tga torrent vob wma wmf wmv wv xls xlsx xz zip zst";

namespace detail {

constexpr bool has_word(std::string_view words, std::string_view word) {
  if (word.empty()) return false;
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace detail

// By its name or an alias, in any case, without parameters. nullptr: not taken.
inline const MediaKind* find_media_kind(std::string_view type) {
  const std::string wanted = detail::lower(type);
  const auto* found = std::find_if(kMediaKinds.begin(), kMediaKinds.end(), [&](const MediaKind& kind) {
    return kind.type == wanted || detail::has_word(kind.aliases, wanted);
  });
  return found == kMediaKinds.end() ? nullptr : found;
}

// "mp4" of "My Holiday.MP4"; "" where a name has none.
inline std::string extension_of(std::string_view filename) {
  const auto dot = filename.rfind('.');
  if (dot == std::string_view::npos) return {};
  return detail::lower(filename.substr(dot + 1));
}

inline const MediaKind* kind_of_extension(std::string_view extension) {
  const auto* found = std::find_if(kMediaKinds.begin(), kMediaKinds.end(), [&](const MediaKind& kind) {
    return detail::has_word(kind.extensions, extension);
  });
  return found == kMediaKinds.end() ? nullptr : found;
}

// Whether a file of that kind, looked at, may turn out to be one of `wanted`: the same container may hold it.
inline bool may_hold(const MediaKind& kind, const std::vector<domain::Modality>& wanted) {
  return std::any_of(kMediaKinds.begin(), kMediaKinds.end(), [&](const MediaKind& each) {
    return each.container == kind.container &&
           std::find(wanted.begin(), wanted.end(), each.modality) != wanted.end();
  });
}

inline const std::vector kAllModalities{domain::Modality::video, domain::Modality::audio,
                                        domain::Modality::image, domain::Modality::text};

// "video/mp4, video/quicktime, …": all kinds of these modalities, for error messages.
inline std::string taken_types(const std::vector<domain::Modality>& modalities) {
  std::string names;
  for (const MediaKind& kind : kMediaKinds) {
    if (std::find(modalities.begin(), modalities.end(), kind.modality) == modalities.end()) continue;
    if (!names.empty()) names += ", ";
    names += kind.type;
  }
  return names;
}

}  // namespace groundtruth::ports
