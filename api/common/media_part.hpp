// A part of a submission as answers show it, to customers and workers alike.
#pragma once

#include "api/common/json_object.hpp"
#include "domain/assignment.hpp"
#include "journal/codec/fields.hpp"

namespace groundtruth::api {

// To the nearest second, as the seed prints it; null where it does not play.
inline journal::codec::Nullable<std::int64_t> duration_seconds(const domain::Media& media) {
  if (!media.duration_ms) return {};
  return {(*media.duration_ms + 500) / 1'000};
}

inline void add_media(ObjectWriter& object, const domain::Media& media) {
  object.member("content_type", media.content_type)
      .member("bytes", media.bytes)
      .member("sha256", media.sha256)
      .member("duration_seconds", duration_seconds(media));
}

}  // namespace groundtruth::api
