// See media_container.hpp.
#include "workers/adapters/media_container.hpp"

extern "C" {
#include <libavcodec/adts_parser.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
}

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "workers/adapters/file_numbers.hpp"

namespace groundtruth::adapters {
namespace {

constexpr int kIoBufferBytes = 32 * 1024;
constexpr std::size_t kMaxAllocationBytes = std::size_t{64} << 20;
constexpr int kMaxStreams = 32;
constexpr AVRational kMicroseconds{1, AV_TIME_BASE};
constexpr std::string_view kMatroska = "matroska";
constexpr std::string_view kTransportStream = "mpegts";
constexpr std::uint64_t kStreamPartBytes = std::uint64_t{2} << 20;  // of each end that is looked at
constexpr std::uint64_t kUnknownChunkBytes = 0x7FFF'0000;
constexpr std::string_view kClusterId = "\x1F\x43\xB6\x75";  // Matroska: what follows is media with its time
constexpr std::uint64_t kMaxMatroskaHeadBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kFirstTailBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxTailBytes = std::uint64_t{16} << 20;  // a cluster is at most 33 s of a recording

// What a demuxer sees: all of an object, or only its head and its tail, as if nothing lay between them.
struct View {
  std::uint64_t head_bytes = 0;
  std::uint64_t gap_bytes = 0;
};

// A file that the demuxer reads, and what must not be thrown through it.
struct Source {
  BlobReader& reader;
  View view;
  std::int64_t position = 0;
  std::exception_ptr error;

  std::int64_t size() const { return static_cast<std::int64_t>(reader.size_bytes() - view.gap_bytes); }

  int read(std::span<char> out) {
    const auto at = static_cast<std::uint64_t>(position);
    if (at < view.head_bytes) out = out.first(std::min<std::uint64_t>(out.size(), view.head_bytes - at));
    const std::size_t count = reader.read(at < view.head_bytes ? at : at + view.gap_bytes, out);
    position += static_cast<std::int64_t>(count);
    if (count == 0) return reader.is_spent() ? AVERROR_EXIT : AVERROR_EOF;
    return static_cast<int>(count);
  }

  std::int64_t seek(std::int64_t offset, int whence) {
    if ((whence & AVSEEK_SIZE) != 0) return size();
    switch (whence & ~AVSEEK_FORCE) {
      case SEEK_SET:
        break;
      case SEEK_CUR:
        offset += position;
        break;
      case SEEK_END:
        offset += size();
        break;
      default:
        return AVERROR(EINVAL);
    }
    if (offset < 0) return AVERROR(EINVAL);
    return position = offset;
  }
};

int on_read(void* opaque, std::uint8_t* out, int size) {
  auto& source = *static_cast<Source*>(opaque);
  try {
    return source.read({reinterpret_cast<char*>(out), static_cast<std::size_t>(size)});
  } catch (...) {
    source.error = std::current_exception();
    return AVERROR_EXTERNAL;
  }
}

std::int64_t on_seek(void* opaque, std::int64_t offset, int whence) {
  return static_cast<Source*>(opaque)->seek(offset, whence);
}

int is_interrupted(void* opaque) {
  const auto& source = *static_cast<const Source*>(opaque);
  return source.error != nullptr || source.reader.is_spent() ? 1 : 0;
}

// Containers can name other files. None is opened.
int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EPERM);
}

struct FreeIo {
  void operator()(AVIOContext* io) const {
    av_freep(static_cast<void*>(&io->buffer));  // libav may have put another one in the place of ours
    avio_context_free(&io);
  }
};
struct CloseInput {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};

// From the start of the first packet to the end of the last, in microseconds.
struct Span {
  std::int64_t begin_us = std::numeric_limits<std::int64_t>::max();
  std::int64_t end_us = std::numeric_limits<std::int64_t>::min();
};

bool is_media(const AVStream& stream) {
  const AVMediaType type = stream.codecpar->codec_type;
  return (type == AVMEDIA_TYPE_VIDEO && (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0) ||
         type == AVMEDIA_TYPE_AUDIO;
}

// Of a bare AAC frame, whose length libavformat leaves to the decoder although its header says it (ISO/IEC
// 13818-7, table 35). 0 for any other packet.
std::int64_t adts_duration(const AVPacket& packet, AVRational base) {
  constexpr std::array rates_hz{96'000, 88'200, 64'000, 48'000, 44'100, 32'000, 24'000,
                                22'050, 16'000, 12'000, 11'025, 8'000,  7'350};
  std::uint32_t samples = 0;
  std::uint8_t frames = 0;
  if (packet.size < AV_AAC_ADTS_HEADER_SIZE || av_adts_header_parse(packet.data, &samples, &frames) < 0)
    return 0;
  const std::size_t rate = (packet.data[2] >> 2) & 0xFU;
  return rate < rates_hz.size() ? av_rescale_q(samples, {1, rates_hz[rate]}, base) : 0;
}

// An open container.
class Input {
 public:
  Input(BlobReader& reader, View view, const char* demuxer) : source_{reader, view, 0, nullptr} {
    auto* buffer = static_cast<unsigned char*>(av_malloc(kIoBufferBytes));
    if (buffer == nullptr) throw std::bad_alloc();
    io_.reset(avio_alloc_context(buffer, kIoBufferBytes, 0, &source_, on_read, nullptr, on_seek));
    if (!io_) {
      av_free(buffer);
      throw std::bad_alloc();
    }
    open(demuxer);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  explicit operator bool() const { return context_ != nullptr; }
  std::span<AVStream* const> streams() const { return {context_->streams, context_->nb_streams}; }

  std::optional<std::int64_t> header_duration_us() const {
    if (context_->duration > 0) return context_->duration;
    std::int64_t longest_us = 0;
    for (const AVStream* stream : streams())
      if (is_media(*stream) && stream->duration > 0)
        longest_us = std::max(longest_us, av_rescale_q(stream->duration, stream->time_base, kMicroseconds));
    if (longest_us == 0) return std::nullopt;
    return longest_us;
  }

  // False: its index names bytes behind its end, so it was cut.
  bool is_whole() const {
    for (AVStream* stream : streams())
      for (int i = 0, count = avformat_index_get_entries_count(stream); i < count; ++i) {
        const AVIndexEntry* entry = avformat_index_get_entry(stream, i);
        if (entry->pos + entry->size > source_.size()) return false;
      }
    return true;
  }

  // Widens the span by the next packet of video or audio. False: there is none, or none that can be read.
  bool read_packet(Span& span) {
    do {
      av_packet_unref(packet_.get());
      last_result_ = av_read_frame(context_.get(), packet_.get());
      rethrow();
      if (last_result_ < 0) return false;
    } while (!is_media(*context_->streams[packet_->stream_index]));
    widen(span);
    return true;
  }
  bool is_at_end() const { return last_result_ == AVERROR_EOF && !source_.reader.is_spent(); }

 private:
  void open(const char* demuxer) {
    AVFormatContext* context = avformat_alloc_context();
    if (context == nullptr) throw std::bad_alloc();
    context->pb = io_.get();
    context->io_open = refuse_to_open;
    context->interrupt_callback = {is_interrupted, &source_};
    context->max_streams = kMaxStreams;
    const int result = avformat_open_input(&context, nullptr, av_find_input_format(demuxer), nullptr);
    context_.reset(result < 0 ? nullptr : context);  // libav has freed it where it failed
    rethrow();
  }

  void rethrow() {
    if (source_.error) std::rethrow_exception(std::exchange(source_.error, nullptr));
  }

  // A stream of bare frames has durations, but no times.
  void widen(Span& span) {
    const auto index = static_cast<std::size_t>(packet_->stream_index);
    const AVRational base = context_->streams[index]->time_base;
    if (ends_.size() <= index) ends_.resize(index + 1);
    const std::int64_t begin = packet_->pts != AV_NOPTS_VALUE ? packet_->pts : ends_[index];
    ends_[index] = begin + (packet_->duration > 0 ? packet_->duration : adts_duration(*packet_, base));
    span.begin_us = std::min(span.begin_us, av_rescale_q(begin, base, kMicroseconds));
    span.end_us = std::max(span.end_us, av_rescale_q(ends_[index], base, kMicroseconds));
  }

  Source source_;
  std::unique_ptr<AVIOContext, FreeIo> io_;
  std::unique_ptr<AVFormatContext, CloseInput> context_;
  std::unique_ptr<AVPacket, FreePacket> packet_{av_packet_alloc()};
  std::vector<std::int64_t> ends_;  // by stream, in its own time base
  int last_result_ = 0;
};

// The header of a Matroska file and its last clusters.
std::optional<View> head_and_tail(BlobReader& reader) {
  const auto head = reader.find(kClusterId, 0, kMaxMatroskaHeadBytes);
  if (!head) return std::nullopt;
  const std::uint64_t size = reader.size_bytes();
  for (std::uint64_t tail = kFirstTailBytes; tail <= kMaxTailBytes; tail *= 4) {
    const std::uint64_t from = size - std::min(size - *head, tail);
    if (const auto cluster = reader.find(kClusterId, from, size)) return View{*head, *cluster - *head};
  }
  return std::nullopt;
}

std::optional<std::int64_t> span_us(const Span& span) {
  if (span.end_us <= span.begin_us) return std::nullopt;
  return span.end_us - span.begin_us;
}

// `span` has the first packet; this adds all others.
std::optional<std::int64_t> counted_duration_us(Input& input, Span span) {
  while (input.read_packet(span)) {
  }
  if (!input.is_at_end()) return std::nullopt;
  return span_us(span);
}

// `span` has the first packet; this adds those of the last part of the file.
std::optional<std::int64_t> duration_by_tail_us(BlobReader& reader, std::string_view demuxer,
                                                const std::optional<View>& view, Span span) {
  if (!view) return std::nullopt;
  Input tail(reader, *view, demuxer.data());
  if (!tail) return std::nullopt;
  return counted_duration_us(tail, span);
}

// A transport stream without its middle; the parts are cut between packets, whatever their size.
std::optional<View> ends_of_stream(BlobReader& reader) {
  const std::string first = reader.read_all(0, 1);
  const std::uint64_t packet_bytes = first == "\x47" ? 188 : 192;
  const std::uint64_t part_bytes = kStreamPartBytes / packet_bytes * packet_bytes;
  const std::uint64_t size = reader.size_bytes() / packet_bytes * packet_bytes;
  if (size <= 2 * part_bytes) return View{};
  return View{part_bytes, size - 2 * part_bytes};
}

std::optional<std::int64_t> measured_duration_us(Input& input, BlobReader& reader, std::string_view demuxer,
                                                 const Span& first) {
  if (demuxer == kMatroska) return duration_by_tail_us(reader, demuxer, head_and_tail(reader), first);
  if (demuxer == kTransportStream) return duration_by_tail_us(reader, demuxer, ends_of_stream(reader), first);
  return counted_duration_us(input, first);
}

// False: a header says that more belongs to it than there is. Who records into a pipe does not know yet and
// writes nothing, or the largest number.
bool is_as_long_as_it_says(BlobReader& reader) {
  const std::string head = reader.read_all(0, 12);
  const auto outer = std::string_view(head).substr(0, 4);
  const auto size = std::string_view(head).substr(std::min<std::size_t>(head.size(), 4), 4);
  std::uint64_t bytes = 0;
  if (outer == "RIFF") bytes = little_endian(size);
  if (outer == "FORM") bytes = big_endian(size);
  return bytes >= kUnknownChunkBytes || 8 + bytes <= reader.size_bytes() + 1;  // a pad byte may be missing
}

}  // namespace

void init_libav() {
  av_log_set_level(AV_LOG_QUIET);
  av_max_alloc(kMaxAllocationBytes);
}

std::optional<ContainerFacts> inspect_container(BlobReader& reader, const char* demuxer) {
  if (!is_as_long_as_it_says(reader)) return std::nullopt;
  Input input(reader, View{}, demuxer);
  if (!input || !input.is_whole()) return std::nullopt;
  // Some say what they hold only with their first packets; and one without any holds nothing.
  Span first;
  if (!input.read_packet(first)) return std::nullopt;
  ContainerFacts facts;
  for (const AVStream* stream : input.streams()) {
    if (!is_media(*stream)) continue;
    const bool is_video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    (is_video ? facts.has_video : facts.has_audio) = true;
  }
  if (!facts.has_video && !facts.has_audio) return std::nullopt;
  auto duration_us = input.header_duration_us();
  if (!duration_us) duration_us = measured_duration_us(input, reader, demuxer, first);
  if (duration_us) facts.duration_ms = *duration_us / 1000;
  return facts;
}

}  // namespace groundtruth::adapters
