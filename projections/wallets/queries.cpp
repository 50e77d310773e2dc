// The SQL behind reads of wallets and postings.
#include "projections/wallets/queries.hpp"

#include <charconv>

#include "projections/place.hpp"
#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

domain::PostingReason reason_of(const std::string& name) {
  domain::PostingReason reason{};
  if (!boost::describe::enum_from_string(name.c_str(), reason)) throw_unreadable_state(name);
  return reason;
}

StoredPosting posting_at(const sqlite::Statement& row) {
  StoredPosting posting;
  posting.place = {position_of(row.int64(0)), static_cast<std::uint32_t>(row.int64(1))};
  posting.at = {row.int64(2)};
  posting.reason = reason_of(std::string(row.text(3)));
  posting.reference = row.text(4);
  posting.entries = decode_state<std::vector<domain::PostingEntry>>(row.text(5));
  return posting;
}

// Hands every wallet to `take(key, version, wallet)`, in the order of keys.
template <class Take>
void walk(sqlite::Connection& db, Take&& take) {
  auto statement = db.prepare("SELECT id, version, state FROM wallets ORDER BY id");
  while (statement.step())
    take(statement.blob(0), static_cast<std::uint32_t>(statement.int64(1)),
         decode_state<domain::Wallet>(statement.text(2)));
}

}  // namespace

std::string to_string(const PostingPlace& place) {
  return journal::to_string(place.position) + '.' + std::to_string(place.event);
}

std::optional<PostingPlace> parse_posting_place(std::string_view text) {
  const auto dot = text.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto position = journal::parse_position(text.substr(0, dot));
  const auto digits = text.substr(dot + 1);
  PostingPlace place;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), place.event);
  if (!position || failed != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  place.position = *position;
  if (to_string(place) != text) return std::nullopt;  // 01
  return place;
}

std::optional<Versioned<domain::Wallet>> WalletQueries::wallet(const domain::WalletId& id) const {
  const auto db = readers_->lease();
  return load_row<domain::Wallet>(db->cached("SELECT version, state FROM wallets WHERE id = ?1"),
                                  stream_key(id.value));
}

WalletStatement WalletQueries::statement(const domain::WalletId& id, const std::optional<PostingPlace>& after,
                                         std::uint32_t limit) const {
  check_limit(limit);
  WalletStatement page;
  // No chain that this projection takes comes so far.
  if (after && after->position.seq >> kSeqBits != 0) return page;
  const auto db = readers_->lease();
  auto rows = db->cached(
      "SELECT place, event, at, reason, reference, entries FROM postings "
      "WHERE wallet = ?1 AND (place, event) > (?2, ?3) ORDER BY place, event LIMIT ?4");
  rows.bind_blob(1, stream_key(id.value))
      .bind(2, after ? place_of(after->position.partition, after->position.seq) : -1)
      .bind(3, after ? std::int64_t{after->event} : 0)
      .bind(4, std::int64_t{limit} + 1);
  while (rows.step()) {
    if (page.postings.size() == limit) {
      page.more = true;
      break;
    }
    page.postings.push_back(posting_at(rows));
  }
  return page;
}

TrialBalance WalletQueries::trial_balance() const {
  const auto db = readers_->lease_lengthy();
  TrialBalance balance;
  walk(*db, [&](std::string_view, std::uint32_t, const domain::Wallet& wallet) {
    ++balance.wallets;
    for (std::size_t i = 0; i < balance.sums.size(); ++i)
      balance.sums[i] += wallet.balance(static_cast<domain::LedgerAccount>(i));
  });
  return balance;
}

WalletSnapshot WalletQueries::snapshot() const {
  const auto db = readers_->lease_lengthy();
  const Snapshot one_state(*db);
  WalletSnapshot all;
  all.checkpoints = read_checkpoints(*db);
  walk(*db, [&](std::string_view key, std::uint32_t version, domain::Wallet wallet) {
    all.wallets.emplace(key, Versioned<domain::Wallet>{std::move(wallet), version});
  });
  return all;
}

}  // namespace groundtruth::projections
