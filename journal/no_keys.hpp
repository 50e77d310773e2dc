// A key store for whoever reads a journal without its keys: every owner counts as erased, so personal fields
// read as empty. Stateless, hence thread-safe.
#pragma once

#include "journal/key_store.hpp"

namespace groundtruth::journal {

class NoKeys final : public KeyStore {
 public:
  std::optional<DataKey> get(std::string_view) override { return std::nullopt; }
  std::optional<DataKey> get_or_create(std::string_view) override { return std::nullopt; }
  void destroy(std::string_view) override {}
  bool was_destroyed(std::string_view) override { return true; }
  void for_each(const Row&) override {}
};

}  // namespace groundtruth::journal
