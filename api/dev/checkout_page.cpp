// The checkout's HTML and style (api/dev/checkout_page.hpp).
#include "api/dev/checkout_page.hpp"

#include "api/common/html.hpp"

namespace groundtruth::api::dev {
namespace {

std::string shell(std::string_view title, std::string_view content) {
  std::string out = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>)";
  out += escape_html(title);
  out += R"(</title>
<link rel="stylesheet" href="/dev/checkout.css">
</head>
<body>
<main>
<header><span class="mark">GroundTruth</span><span class="tag">local checkout</span></header>
)";
  out += content;
  out += R"(<footer>A development page. No money moves.</footer>
</main>
</body>
</html>
)";
  return out;
}

void append_row(std::string& out, std::string_view name, std::string_view value) {
  out += "<div><dt>";
  out += name;
  out += "</dt><dd>";
  out += value;
  out += "</dd></div>\n";
}

struct Shown {
  std::string_view badge;  // CSS class
  std::string_view heading;
  std::string_view text;
};

Shown shown(domain::TaskStatus status) {
  using domain::TaskStatus;
  switch (status) {
    case TaskStatus::none:
    case TaskStatus::funding:
      return {"due", "Waiting for payment", ""};
    case TaskStatus::open:
      return {"paid", "Paid", "Thank you. The task is open and contributors can begin."};
    case TaskStatus::completed:
      return {"paid", "Completed", "The task was paid and has all the submissions that it asked for."};
    case TaskStatus::cancelled:
      return {"over", "Cancelled", "This task was cancelled. There is nothing to pay."};
    case TaskStatus::expired:
      return {"over", "Expired", "This task has expired. There is nothing to pay."};
  }
  return {};
}

}  // namespace

std::string checkout_page(const domain::Task& task, std::string_view form_token, std::string_view notice) {
  const Shown state = shown(task.status);
  std::string out = "<p class=\"status ";
  out += state.badge;
  out += "\">";
  out += state.heading;
  out += "</p>\n<h1>";
  out += escape_html(task.title);
  out += "</h1>\n<p class=\"amount\">";
  out += dollars(task.budget());
  out += "</p>\n";
  if (!notice.empty()) {
    out += "<p class=\"notice\" role=\"alert\">";
    out += escape_html(notice);
    out += "</p>\n";
  }
  out += "<dl>\n";
  append_row(out, "Task", "<code>" + escape_html(task.id.value) + "</code>");
  append_row(out, "Submissions", std::to_string(task.target_submissions));
  append_row(out, "Reward for each", dollars(task.reward_cents));
  out += "</dl>\n";
  if (task.status == domain::TaskStatus::funding) {
    out += "<form method=\"post\" action=\"/dev/checkout/";
    out += escape_html(task.id.value);
    out += "\">\n<input type=\"hidden\" name=\"token\" value=\"";
    out += escape_html(form_token);
    out += "\">\n<button class=\"pay\" type=\"submit\" name=\"action\" value=\"pay\">Pay ";
    out += dollars(task.budget());
    out +=
        "</button>\n<button class=\"cancel\" type=\"submit\" name=\"action\" "
        "value=\"cancel\">Cancel</button>\n</form>\n";
  } else {
    out += "<p>";
    out += state.text;
    out += "</p>\n";
  }
  return shell(task.title, out);
}

std::string message_page(std::string_view title, std::string_view message) {
  std::string out = "<h1>" + escape_html(title) + "</h1>\n<p>" + escape_html(message) + "</p>\n";
  return shell(title, out);
}

const std::string_view kCheckoutStyle =
    R"(:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6470; --page: #f3f5f8; --card: #fff; --line: #e2e6eb;
  --go: #14734d; --go-ink: #fff; --warn: #8a5300; --over: #8d2b2b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e9edf2; --soft: #9aa5b3; --page: #12161b; --card: #1b2128; --line: #2d353f; --go: #38a877; --go-ink: #07140e;
    --warn: #e0a54a; --over: #e48686; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 28rem; margin: 6vh auto; padding: 1.75rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1rem; }
@media (max-width: 30rem) { main { margin: 0; min-height: 100vh; border: 0; border-radius: 0; } }
header { display: flex; justify-content: space-between; align-items: baseline; margin-bottom: 1.5rem; }
.mark { font-weight: 700; }
.tag, footer, dt { color: var(--soft); font-size: .875rem; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: .25rem 0; overflow-wrap: anywhere; }
.amount { font-size: 2.25rem; font-weight: 700; margin: .25rem 0 1rem; font-variant-numeric: tabular-nums; }
.status { margin: 0; font-weight: 600; font-size: .875rem; }
.due { color: var(--warn); } .paid { color: var(--go); } .over { color: var(--over); }
.notice { border-left: .25rem solid var(--warn); padding: .25rem .75rem; }
dl { margin: 0 0 1.5rem; border-top: 1px solid var(--line); }
dl div { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1rem; padding: .5rem 0;
  border-bottom: 1px solid var(--line); }
dd { margin: 0; overflow-wrap: anywhere; } code { font-size: .8125rem; }
form { display: grid; gap: .75rem; }
button { font: inherit; font-weight: 600; padding: .8rem; border-radius: .6rem; border: 1px solid var(--line); cursor: pointer;
  background: transparent; color: var(--ink); }
button:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
.pay { background: var(--go); border-color: var(--go); color: var(--go-ink); }
footer { margin-top: 1.5rem; }
)";

}  // namespace groundtruth::api::dev
