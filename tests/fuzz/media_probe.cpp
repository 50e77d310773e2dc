// Fuzzes what looks at strangers' media: it ends, in bounded memory, and names a kind that is taken or none.
// In the server a child process does this (workers/adapters/media_helper.hpp), so a crash here is a refusal
// there; it is a fault of this code or of libavformat all the same.
#include "workers/adapters/media_probe.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "workers/adapters/media_container.hpp"
#include "workers/ports/media_kinds.hpp"

using namespace groundtruth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t max_fetched_bytes = std::uint64_t{8} << 20, max_text_bytes = 4'096;
  static const bool is_ready = (adapters::init_libav(), true);
  (void)is_ready;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  adapters::BlobReader reader(
      [content](std::uint64_t offset, std::size_t bytes) {
        return std::string(content.substr(offset, bytes));
      },
      content.size(), max_fetched_bytes);
  const auto facts = adapters::inspect_media(reader, max_text_bytes);
  if (!facts) return 0;
  const auto* kind = ports::find_media_kind(facts->content_type);
  if (kind == nullptr || kind->type != facts->content_type) std::abort();
  if (facts->duration_ms.value_or(0) < 0) std::abort();
  return 0;
}
