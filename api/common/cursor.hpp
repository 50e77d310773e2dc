// Page cursors: opaque to clients, bound to one list of one account, and refused when anything in them was
// changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/ids.hpp"
#include "journal/key_store.hpp"

namespace groundtruth::api {

// The place behind an item, and the number that the page there has.
struct Cursor {
  std::string after;  // id of the last item of the page before
  std::uint32_t page = 1;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

// "cur_" + base64url of a keyed hash and the content. Immutable, thread-safe; every node that shares the
// master key reads the others' cursors.
class CursorCodec {
 public:
  explicit CursorCodec(const journal::MasterKey& master) : key_(master.derive("cursor")) {}

  std::string encode(std::string_view list, const domain::AccountId& account, const Cursor& cursor) const;
  // nullopt: not one that `encode` made for this list and account.
  std::optional<Cursor> decode(std::string_view list, const domain::AccountId& account,
                               std::string_view text) const;

 private:
  journal::DataKey key_;
};

}  // namespace groundtruth::api
