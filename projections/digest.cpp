// Hashing of tables, row by row (contract in digest.hpp).
#include "projections/digest.hpp"

#include <sodium.h>

#include "projections/read_pool.hpp"

namespace groundtruth::projections {
namespace {

class Hash {
 public:
  Hash() { crypto_generichash_init(&state_, nullptr, 0, 32); }

  // Lengths stand before bytes, so that no two contents read the same.
  void add(std::string_view bytes) {
    number(bytes.size());
    update(bytes.data(), bytes.size());
  }
  void null() { number(~std::uint64_t{0}); }

  std::string hex() {
    unsigned char out[32];
    crypto_generichash_final(&state_, out, sizeof out);
    char text[65];
    sodium_bin2hex(text, sizeof text, out, sizeof out);
    return text;
  }

 private:
  void number(std::uint64_t value) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
    update(bytes, sizeof bytes);
  }
  void update(const void* data, std::size_t size) {
    crypto_generichash_update(&state_, static_cast<const unsigned char*>(data), size);
  }
  crypto_generichash_state state_;
};

}  // namespace

Digest digest_of(sqlite::Connection& connection, const Definition& definition) {
  const Snapshot snapshot(connection);
  Digest digest;
  digest.checkpoints = read_checkpoints(connection);
  Hash hash;
  hash.add(definition.name);
  hash.add(std::to_string(definition.version));
  for (const auto& table : definition.digest) {
    hash.add(table.name);
    auto rows = connection.prepare(table.rows);
    while (rows.step()) {
      ++digest.rows;
      // Numbers are hashed as the text of themselves.
      for (int column = 0; column < table.columns; ++column)
        rows.is_null(column) ? hash.null() : hash.add(rows.blob(column));
    }
    hash.null();  // the end of the table
  }
  digest.hex = hash.hex();
  return digest;
}

}  // namespace groundtruth::projections
