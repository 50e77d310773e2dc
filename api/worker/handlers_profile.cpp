// What a worker is and has earned, and how they stand among the others.
#include <limits>

#include "api/common/etag.hpp"
#include "api/common/json_object.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/render.hpp"
#include "api/worker/requests.hpp"

namespace groundtruth::api::worker {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kMaxDays = 366;
constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

std::string date_of(std::int64_t day) {
  return domain::to_rfc3339_s({day * kDayMs}).substr(0, 10);
}

void append_earned(std::string& out, const projections::Earned& earned) {
  ObjectWriter(out).member("earned_cents", earned.cents).member("submissions", earned.approved).end();
}

domain::ChangeWorkerProfile to_command(const Caller& caller, ProfileRequest request) {
  domain::ChangeWorkerProfile command;
  command.worker = caller.worker.id;
  if (request.name) command.name = to_nfc(request.name->value);
  if (request.skills) command.skills = request.skills->tags();
  if (request.modalities) command.modalities = std::move(request.modalities->value);
  if (request.location) {
    command.area.emplace();
    if (request.location->value) command.area->area = request.location->value->area();
  }
  return command;
}

}  // namespace

http::Async<http::Response> get_profile(Services& services, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const auto found = services.workers.worker(caller_of(request).worker.id);
  if (!found) co_return to_response(no_such("worker"));
  http::Response response = versioned(request, found->version);
  if (response.status == 200)
    response.body = render_profile({found->state, services.workers.rank(found->state.id)});
  co_return response;
}

http::Async<http::Response> change_profile(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  auto body = read_body<ProfileRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  Order order{to_command(caller, std::move(*body.value)), std::nullopt,
              expected_version(request, caller.worker.id.value)};
  Sender sender = sender_of(caller);
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  http::Response response = written(200, render_profile_changed(*answer.commit), answer);
  response.header("ETag", etag_of(answer.commit->events.front().version));
  co_return response;
}

// Sums of the usual periods, and the days behind them. Days are UTC. No period has an end: what was earned
// while a clock was ahead is dated later than today, and was earned all the same.
http::Async<http::Response> get_earnings(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  QueryReader query(request);
  const std::int64_t days = query.integer("days", 1, kMaxDays).value_or(30);
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));

  const std::int64_t today = services.clock.now().ms / kDayMs;
  const auto since = [&](std::int64_t first_day) {
    return services.workers.earned(caller.worker.id, first_day, kNoEnd);
  };
  std::string body;
  ObjectWriter object(body);
  object.member("worker_id", caller.worker.id).member("currency", "usd");
  object.head("periods");
  ObjectWriter periods(body);
  struct Period {
    std::string_view name;
    std::int64_t days;
  };
  for (const auto& [name, length] : {Period{"today", 1}, Period{"last_7_days", 7}, Period{"last_30_days", 30},
                                     Period{"last_365_days", 365}}) {
    periods.head(name);
    append_earned(body, since(today - length + 1));
  }
  periods.head("all_time");
  append_earned(body, since(-kNoEnd));
  periods.end();
  object.head("days");
  body += '[';
  bool is_first = true;
  for (const auto& [day, earned] :
       services.workers.earned_by_day(caller.worker.id, today - days + 1, kNoEnd)) {
    if (!std::exchange(is_first, false)) body += ',';
    ObjectWriter(body)
        .member("date", date_of(day))
        .member("earned_cents", earned.cents)
        .member("submissions", earned.approved)
        .end();
  }
  body += ']';
  object.end();
  co_return ok(std::move(body));
}

http::Async<http::Response> get_leaderboard(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  QueryReader query(request);
  const auto limit = static_cast<std::uint32_t>(query.integer("limit", 1, 100).value_or(20));
  const auto offset = static_cast<std::uint64_t>(query.integer("offset", 0, 1'000'000).value_or(0));
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));

  std::string body;
  ObjectWriter object(body);
  object.head("workers");
  body += '[';
  bool is_first = true;
  for (const auto& standing : services.workers.leaderboard(offset, limit)) {
    if (!std::exchange(is_first, false)) body += ',';
    append_standing(body, standing);
  }
  body += ']';
  object.member("total", services.workers.standings())
      .member("limit", limit)
      .member("offset", offset)
      .member("own_rank", journal::codec::Nullable<std::uint64_t>(services.workers.rank(caller.worker.id)))
      .end();
  co_return ok(std::move(body));
}

http::Async<http::Response> get_public_profile(Services& services, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const std::string id(request.param("id"));
  std::optional<projections::Versioned<domain::Worker>> found;
  if (domain::is_id(id, "wrk_")) found = services.workers.worker(domain::WorkerId{id});
  if (!found || found->state.status != domain::WorkerStatus::verified)
    co_return to_response(no_such("worker"));
  http::Response response = versioned(request, found->version);
  if (response.status == 200) response.body = render_public(found->state);
  co_return response;
}

}  // namespace groundtruth::api::worker
