// The paging parameters of this surface's lists, and where a page leads on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/common/cursor.hpp"
#include "api/common/fields.hpp"
#include "api/groundtruth/render.hpp"

namespace groundtruth::api::groundtruth {

// `after` decides where it is given, else `page`.
struct PageRequest {
  std::uint32_t per_page = 20;
  std::uint32_t page = 1;
  std::optional<std::string> after;  // id of the last item before this page

  std::uint64_t offset() const { return std::uint64_t{page - 1} * per_page; }
};

// Reads limit, per_page, page and cursor; faults go to the reader.
PageRequest read_page(QueryReader& query, const CursorCodec& cursors, std::string_view list,
                      const domain::AccountId& account);

// What an answer says about the page that it shows; `last_id` is "" where it shows nothing.
Pagination pagination_of(const PageRequest& request, std::uint64_t total, bool more,
                         const std::string& last_id, const CursorCodec& cursors, std::string_view list,
                         const domain::AccountId& account);
template <class State>
Pagination pagination_of(const PageRequest& request, const projections::Page<State>& page,
                         const CursorCodec& cursors, std::string_view list,
                         const domain::AccountId& account) {
  const std::string last_id = page.items.empty() ? std::string() : page.items.back().state.id.value;
  return pagination_of(request, page.total, page.more, last_id, cursors, list, account);
}

}  // namespace groundtruth::api::groundtruth
