// Parsing behind simdjson's DOM, and its tape turned into our nodes (journal/codec/json_view.hpp).
#include "journal/codec/json_view.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

namespace groundtruth::journal::codec {

struct JsonDocument::Storage {
  simdjson::dom::parser parser;
  std::string source;   // a copy, padded as the parser needs it
  std::string patched;  // see patch_numbers
  std::vector<JsonNode> nodes;
};

namespace {

// Storage of a larger document is not kept: one upload must not cost its thread memory for good.
constexpr std::size_t kKeptBytes = 1024 * 1024;
constexpr std::size_t kKeptStorages = 4;

std::vector<std::unique_ptr<JsonDocument::Storage>>& pool() {
  thread_local std::vector<std::unique_ptr<JsonDocument::Storage>> storages;
  return storages;
}

std::string reason_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return "is empty";
    case simdjson::UTF8_ERROR:
      return "is not valid UTF-8";
    case simdjson::DEPTH_ERROR:
      return "is nested too deeply";
    case simdjson::NUMBER_ERROR:
      return "is not JSON: a number is malformed";
    case simdjson::STRING_ERROR:
      return "is not JSON: a string has a bad escape";
    case simdjson::UNESCAPED_CHARS:
      return "is not JSON: a string has an unescaped control character";
    case simdjson::UNCLOSED_STRING:
      return "is not JSON: a string is not closed";
    case simdjson::CAPACITY:
      return "is too large";
    case simdjson::MEMALLOC:
      throw std::bad_alloc();
    default:
      return "is not JSON: a syntax error";
  }
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Of the string that opens at `at`: the position after its closing quote, or the end of the text.
std::size_t after_string(std::string_view text, std::size_t at) {
  const auto first = at + 1;
  for (at = text.find('"', first); at != std::string_view::npos; at = text.find('"', at + 1)) {
    auto escapes = at;
    while (escapes > first && text[escapes - 1] == '\\') --escapes;
    if ((at - escapes) % 2 == 0) return at + 1;
  }
  return text.size();
}

// Of a scalar that is no string.
std::size_t after_scalar(std::string_view text, std::size_t at) {
  const auto goes_on = [](char c) {
    switch (c) {
      case ',':
      case ':':
      case '[':
      case ']':
      case '{':
      case '}':
      case '"':
        return false;
      default:
        return !is_space(c);
    }
  };
  while (at < text.size() && goes_on(text[at])) ++at;
  return at;
}

bool take_digits(std::string_view& text) {
  const auto before = text.size();
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') text.remove_prefix(1);
  return text.size() != before;
}

// A number by JSON's grammar that neither 64 bits nor a double can hold.
bool is_beyond(std::string_view token) {
  std::string_view rest = token;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  if (rest.starts_with('0'))
    rest.remove_prefix(1);
  else if (!take_digits(rest))
    return false;
  const bool whole = rest.empty();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    if (!take_digits(rest)) return false;
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (!take_digits(rest)) return false;
  }
  if (!rest.empty()) return false;
  const char *first = token.data(), *last = first + token.size();
  std::int64_t integer = 0;
  double number = 0;
  return whole ? std::from_chars(first, last, integer).ec == std::errc::result_out_of_range
               : std::from_chars(first, last, number).ec == std::errc::result_out_of_range;
}

// The parser refuses a document for a number that it cannot hold, though that is JSON and the field that is
// wrong must be named. Such numbers become this mark, which no sensible number is, and the rest stays in
// place.
constexpr std::string_view kBeyondMark = "1e308";
constexpr double kBeyondNumber = 1e308;

std::size_t patch_numbers(std::string& text) {
  std::size_t patches = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at = after_string(text, at);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const std::size_t end = after_scalar(text, at);
      const std::size_t length = end - at;
      if (length >= kBeyondMark.size() && is_beyond(std::string_view(text).substr(at, length))) {
        text.replace(at, length, std::string(kBeyondMark) + std::string(length - kBeyondMark.size(), ' '));
        ++patches;
      }
      at = end;
    } else {
      ++at;
    }
  }
  return patches;
}

// Whether a document may have more nodes than that, by what separates them; texts are passed over.
bool may_exceed(std::string_view text, std::size_t max_nodes) {
  if (text.size() / 2 < max_nodes) return false;  // two bytes at least for each
  std::size_t nodes = 1;
  for (std::size_t at = 0; at < text.size() && nodes <= max_nodes;) {
    switch (text[at]) {
      case '"':
        at = after_string(text, at);
        continue;
      case ',':
      case ':':
      case '[':
      case '{':
        ++nodes;
        break;
      default:
        break;
    }
    ++at;
  }
  return nodes > max_nodes;
}

// From the parser's tape to nodes; depth counts containers.
class Builder {
 public:
  Builder(std::vector<JsonNode>& nodes, std::size_t max_depth, bool patched)
      : nodes_(nodes), max_depth_(max_depth), patched_(patched) {}

  bool add(simdjson::dom::element element, std::size_t depth) {
    using Type = simdjson::dom::element_type;
    JsonNode node;
    switch (element.type()) {
      case Type::NULL_VALUE:
        break;
      case Type::BOOL:
        node.kind = JsonKind::boolean;
        node.boolean = element.get_bool().value_unsafe();
        break;
      case Type::INT64:
        node.kind = JsonKind::integer;
        node.integer = element.get_int64().value_unsafe();
        break;
      case Type::UINT64:
        node.kind = JsonKind::beyond;
        node.number = static_cast<double>(element.get_uint64().value_unsafe());
        break;
      case Type::DOUBLE:
        node.kind = JsonKind::number;
        node.number = element.get_double().value_unsafe();
        if (patched_ && node.number == kBeyondNumber) {
          node.kind = JsonKind::beyond;
          node.number = std::numeric_limits<double>::infinity();
        }
        break;
      case Type::STRING:
        add_string(element.get_string().value_unsafe());
        return true;
      case Type::ARRAY: {
        if (depth == max_depth_) return false;
        const std::size_t at = open(JsonKind::array);
        std::uint64_t count = 0;
        const simdjson::dom::array items =
            element.get_array().value_unsafe();  // named: it must outlive the loop
        for (const auto item : items) {
          ++count;
          if (!add(item, depth + 1)) return false;
        }
        close(at, count);
        return true;
      }
      case Type::OBJECT: {
        if (depth == max_depth_) return false;
        const std::size_t at = open(JsonKind::object);
        std::uint64_t count = 0;
        const simdjson::dom::object fields = element.get_object().value_unsafe();
        for (const auto field : fields) {
          ++count;
          add_string(field.key);
          if (!add(field.value, depth + 1)) return false;
        }
        close(at, count);
        return true;
      }
    }
    nodes_.push_back(node);
    return true;
  }

 private:
  void add_string(std::string_view text) {
    JsonNode node;
    node.kind = JsonKind::string;
    node.size = static_cast<std::uint32_t>(text.size());
    node.text = text.data();
    nodes_.push_back(node);
  }

  std::size_t open(JsonKind kind) {
    nodes_.emplace_back().kind = kind;
    return nodes_.size() - 1;
  }

  void close(std::size_t at, std::uint64_t count) {
    nodes_[at].size = static_cast<std::uint32_t>(nodes_.size() - at);
    nodes_[at].count = count;
  }

  std::vector<JsonNode>& nodes_;
  std::size_t max_depth_;
  bool patched_;
};

simdjson::simdjson_result<simdjson::dom::element> parse(simdjson::dom::parser& parser, std::string& text) {
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  return parser.parse(text.data(), text.size(), false);
}

}  // namespace

JsonDocument::JsonDocument(std::string_view text, JsonLimits limits) {
  if (may_exceed(text, limits.nodes)) {
    error_ = NotJson{"holds more than " + std::to_string(limits.nodes) + " values", std::nullopt};
    return;
  }
  if (pool().empty()) {
    storage_ = std::make_unique<Storage>();
  } else {
    storage_ = std::move(pool().back());
    pool().pop_back();
  }
  Storage& s = *storage_;
  s.source.assign(text);
  auto parsed = parse(s.parser, s.source);
  bool patched = false;
  if (parsed.error() == simdjson::NUMBER_ERROR) {
    s.patched = s.source;
    patched = patch_numbers(s.patched) > 0;
    if (patched) parsed = parse(s.parser, s.patched);
  }
  if (parsed.error() != simdjson::SUCCESS) {
    error_ = NotJson{reason_of(parsed.error()), std::nullopt};
    return;
  }
  s.nodes.clear();
  if (!Builder(s.nodes, limits.depth, patched).add(parsed.value_unsafe(), 0)) {
    error_ = NotJson{"is nested more than " + std::to_string(limits.depth) + " levels deep", std::nullopt};
    return;
  }
  root_ = s.nodes.data();
}

JsonDocument::~JsonDocument() {
  if (!storage_) return;
  const bool keep = storage_->source.capacity() + storage_->patched.capacity() <= kKeptBytes;
  if (keep && pool().size() < kKeptStorages) pool().push_back(std::move(storage_));
}

std::string JsonDocument::raw_text(const JsonNode* node) const {
  // Nodes stand in the order of the source: the n-th node is the n-th key, scalar or opening bracket in it.
  const std::string_view text = storage_->source;
  const auto wanted = static_cast<std::size_t>(node - root_);
  std::size_t at = 0, index = 0, depth = 0;
  std::optional<std::size_t> run;  // where the part begins that is not in `out` yet
  std::string out;
  while (at < text.size()) {
    const char c = text[at];
    const std::size_t begin = at;
    bool opens = false, ends = false;
    if (is_space(c)) {
      ++at;
      if (run) {
        out.append(text, *run, begin - *run);
        run = at;
      }
      continue;
    }
    if (c == ',' || c == ':') {
      ++at;
    } else if (c == '}' || c == ']') {
      ++at;
      ends = index > wanted && --depth == 0;
    } else {
      if (c == '{' || c == '[') {
        ++at;
        opens = true;
      } else {
        at = c == '"' ? after_string(text, at) : after_scalar(text, at);
      }
      ++index;
    }
    if (index <= wanted) continue;
    if (!run) run = begin;
    if (opens) ++depth;
    if (ends || depth == 0) break;
  }
  if (run) out.append(text, *run, at - *run);
  return out;
}

}  // namespace groundtruth::journal::codec
