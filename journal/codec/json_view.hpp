// A parsed JSON document, as a flat array of nodes to walk. The parser itself (simdjson) stays behind this
// file, for its header costs seconds wherever it is seen.
//
// A node is followed by its children; a member of an object is two nodes, key and value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace groundtruth::journal::codec {

// What a document may have. Nodes are counted before any is made: each costs more memory than the two bytes
// that it takes to ask for one. Brackets count as one, also where they hold nothing.
struct JsonLimits {
  std::size_t depth;
  std::size_t nodes;
};
inline constexpr JsonLimits kRequestLimits{32, 65'536};  // of what clients send
inline constexpr JsonLimits kStoredLimits{
    64, std::size_t{1} << 40};  // of what we wrote: a commit nests what a request held

// Why a text is no JSON document, in words that follow "the body …".
struct NotJson {
  std::string reason;
  std::optional<std::size_t> offset;  // of the first bad byte, where it is known
};

enum class JsonKind : std::uint8_t {
  null,
  boolean,
  integer,  // fits int64
  number,   // has a fraction or an exponent
  beyond,   // a number that fits neither int64 nor double
  string,
  array,
  object,
};

struct JsonNode {
  JsonKind kind = JsonKind::null;
  std::uint32_t size = 0;  // bytes of a string; nodes of a container, itself included
  union {
    bool boolean;
    std::int64_t integer;
    double number;
    const char* text;
    std::uint64_t count;  // items of an array, members of an object
  };

  JsonNode() : integer(0) {}
  std::string_view string() const { return {text, size}; }
  const JsonNode* first() const { return this + 1; }  // of a container
  const JsonNode* next() const { return this + (kind >= JsonKind::array ? size : 1); }
};

// Owns the nodes and the text that they point into. Storage comes from a pool of the thread and goes back to
// it: make and drop a document on one thread. Several may be alive at once.
class JsonDocument {
 public:
  // Validates the whole text: syntax, UTF-8, nothing after the document, depth, number of nodes.
  explicit JsonDocument(std::string_view text, JsonLimits limits = kRequestLimits);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  const std::optional<NotJson>& error() const { return error_; }
  const JsonNode* root() const { return root_; }  // null when there is an error

  // The node's own text as it stood in the source, less white space. One scan of the source up to the node.
  std::string raw_text(const JsonNode* node) const;

  struct Storage;

 private:
  std::unique_ptr<Storage> storage_;
  std::optional<NotJson> error_;
  const JsonNode* root_ = nullptr;
};

}  // namespace groundtruth::journal::codec
