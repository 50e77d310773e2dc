// Paging parameters in, pagination object out (api/groundtruth/paging.hpp).
#include "api/groundtruth/paging.hpp"

namespace groundtruth::api::groundtruth {
namespace {

constexpr std::int64_t kMaxPerPage = 100;
constexpr std::int64_t kMaxPage = 100'000;

}  // namespace

PageRequest read_page(QueryReader& query, const CursorCodec& cursors, std::string_view list,
                      const domain::AccountId& account) {
  PageRequest page;
  const auto per_page = query.integer("per_page", 1, kMaxPerPage);
  const auto limit = query.integer("limit", 1, kMaxPerPage);
  if (per_page) page.per_page = static_cast<std::uint32_t>(*per_page);
  if (limit) page.per_page = static_cast<std::uint32_t>(*limit);
  if (const auto number = query.integer("page", 1, kMaxPage)) page.page = static_cast<std::uint32_t>(*number);
  if (const auto text = query.text("cursor")) {
    auto cursor = cursors.decode(list, account, *text);
    if (cursor) {
      page.after = std::move(cursor->after);
      page.page = cursor->page;
    } else {
      query.fail("cursor", "invalid_value", "must be a next_cursor of this list");
    }
  }
  return page;
}

Pagination pagination_of(const PageRequest& request, std::uint64_t total, bool more,
                         const std::string& last_id, const CursorCodec& cursors, std::string_view list,
                         const domain::AccountId& account) {
  Pagination pagination{total, request.page, request.per_page, std::nullopt};
  if (more && !last_id.empty())
    pagination.next_cursor = cursors.encode(list, account, {last_id, request.page + 1});
  return pagination;
}

}  // namespace groundtruth::api::groundtruth
