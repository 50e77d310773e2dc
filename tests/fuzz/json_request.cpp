// Fuzzes the way from a body to a request: no crash, a value or a reason but never both, and what was read is
// written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "domain/task.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"

namespace {

using namespace groundtruth;
using namespace groundtruth::journal::codec;

struct Note {
  Text<0, 20> text;
  std::optional<bool> shown;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text, shown))

// A field of every kind that requests have.
struct TaskRequest {
  Text<1, 200> title;
  UniqueList<domain::Modality, 1, 4> modalities;
  CentsBetween<1, 1'000'000> reward_cents;
  Nullable<domain::Timestamp> deadline;
  std::optional<JsonObjectMax<16 * 1024>> metadata;
  std::optional<List<Note, 0, 3>> notes;
  std::optional<std::map<std::string, std::int32_t>> numbers;
  std::optional<double> weight;
  std::optional<Integer<-5, 5>> level;
};
BOOST_DESCRIBE_STRUCT(TaskRequest, (),
                      (title, modalities, reward_cents, deadline, metadata, notes, numbers, weight, level))

void require(bool holds) {
  if (!holds) std::abort();
}

template <class T>
void check(std::string_view body) {
  const auto result = decode_json<T>(body);
  require(result.value.has_value() == (!result.not_json && result.errors.empty()));
  require(!result.not_json || result.errors.empty());
  require(result.errors.size() <= kMaxFieldErrors);
  for (const auto& error : result.errors) {
    require(!error.code.empty() && !error.message.empty());
    require(decode_json<FieldError>(to_json(error)).value == error ||
            error.path.find('\0') != error.path.npos);
  }
  if (!result) return;
  const std::string written = to_json(*result.value);
  require(written.find('\n') == std::string::npos);
  const auto again = decode_json<T>(written);
  require(again.value.has_value() && to_json(*again.value) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check<TaskRequest>(body);
  check<domain::Task>(body);
  check<domain::JsonObject>(body);
  check<std::vector<std::string>>(body);
  return 0;
}
