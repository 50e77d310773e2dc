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

// `last_id` is of the last item shown, "" where none is.
Pagination pagination_of(const PageRequest& request, std::uint64_t total, bool more,
                         const std::string& last_id, const CursorCodec& cursors, std::string_view list,
                         const domain::AccountId& account);

}  // namespace groundtruth::api::groundtruth
