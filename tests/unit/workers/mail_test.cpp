// Mail as bytes and as files: what a mail program reads, and what can never get into a header.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "tests/unit/files.hpp"
#include "tests/unit/system_faults.hpp"
#include "workers/adapters/file_mailer.hpp"
#include "workers/adapters/smtp_mailer.hpp"

using namespace groundtruth;
using namespace groundtruth::adapters;
using ports::Mail;
using ports::MailOutcome;

namespace {

namespace fs = std::filesystem;

constexpr domain::Timestamp kDate{1'781'792'000'123};
const MailSender kSender{"noreply@mail.example", ""};

Mail mail() {
  return {"ver_01hx4nvz", "someone@example.com", "Please verify", "Hello,\nopen https://a.example/v?t=a.b\n"};
}

class StandingClock final : public journal::Clock {
 public:
  domain::Timestamp now() const override { return at; }
  std::chrono::steady_clock::time_point steady() const override { return {}; }
  domain::Timestamp at = kDate;
};

class MailFolder {
 public:
  MailFolder() {
    std::string name = (fs::temp_directory_path() / "gt_mail_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~MailFolder() { fs::remove_all(path_); }
  MailFolder(const MailFolder&) = delete;
  MailFolder& operator=(const MailFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

using groundtruth::testing::read_file;

bool has_line(const std::string& message, const std::string& line) {
  return ("\r\n" + message).find("\r\n" + line + "\r\n") != std::string::npos;
}

std::string body_of(const std::string& message) {
  return message.substr(message.find("\r\n\r\n") + 4);
}

}  // namespace

TEST_CASE("a mail is these bytes") {
  CHECK(mail_message(kSender, mail(), kDate) ==
        "Date: Thu, 18 Jun 2026 14:13:20 +0000\r\n"
        "From: <noreply@mail.example>\r\n"
        "To: <someone@example.com>\r\n"
        "Message-ID: <ver_01hx4nvz@mail.example>\r\n"
        "Subject: Please verify\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Hello,\r\n"
        "open https://a.example/v?t=a.b\r\n");
}

TEST_CASE("a subject that is not plain becomes encoded words, none of which ends within a character") {
  Mail m = mail();
  m.subject =
      "Gr\xc3\xbc\xc3\x9f"
      "e";
  CHECK(has_line(mail_message(kSender, m, kDate), "Subject: =?UTF-8?B?R3LDvMOfZQ==?="));
  m.subject.clear();
  for (int i = 0; i < 20; ++i) m.subject += "\xe9\xa6\xac";  // 60 bytes; 39 are 13 of these characters
  CHECK(has_line(mail_message(kSender, m, kDate),
                 "Subject: =?UTF-8?B?6aas6aas6aas6aas6aas6aas6aas6aas6aas6aas6aas6aas6aas?=\r\n"
                 " =?UTF-8?B?6aas6aas6aas6aas6aas6aas6aas?="));
  m.subject = "a " + m.subject;
  CHECK(has_line(mail_message(kSender, m, kDate),
                 "Subject: =?UTF-8?B?YSDppqzppqzppqzppqzppqzppqzppqzppqzppqzppqzppqzppqw=?=\r\n"
                 " =?UTF-8?B?6aas6aas6aas6aas6aas6aas6aas6aas?="));
  m.subject = "=?UTF-8?B?R3I=?=";  // would be read as something else
  CHECK(has_line(mail_message(kSender, m, kDate), "Subject: =?UTF-8?B?PT9VVEYtOD9CP1IzST0/PQ==?="));
}

TEST_CASE("a sender's name is shown, plain or encoded") {
  CHECK(has_line(mail_message({"a@b.example", "Ground Truth"}, mail(), kDate),
                 "From: Ground Truth\r\n <a@b.example>"));
  CHECK(has_line(mail_message({"a@b.example", "A. \"B\" <c@d>, "}, mail(), kDate),
                 "From: =?UTF-8?B?QS4gIkIiIDxjQGQ+LCA=?=\r\n <a@b.example>"));
}

TEST_CASE("a text that is not plain is quoted-printable, in lines that every server takes") {
  Mail m = mail();
  m.text =
      "Gr\xc3\xbc\xc3\x9f"
      "e = x \nnext\t\n.\n" +
      std::string(200, 'y');
  const std::string message = mail_message(kSender, m, kDate);
  CHECK(has_line(message, "Content-Transfer-Encoding: quoted-printable"));
  CHECK(body_of(message) == "Gr=C3=BC=C3=9Fe =3D x=20\r\nnext=09\r\n.\r\n" + std::string(75, 'y') + "=\r\n" +
                                std::string(75, 'y') + "=\r\n" + std::string(50, 'y') + "\r\n");

  m.text = std::string(999, 'x');
  CHECK(has_line(mail_message(kSender, m, kDate), "Content-Transfer-Encoding: quoted-printable"));
  m.text = std::string(998, 'x');
  CHECK(has_line(mail_message(kSender, m, kDate), "Content-Transfer-Encoding: 7bit"));
  m.text = std::string("a\rb\0c", 5);
  CHECK(body_of(mail_message(kSender, m, kDate)) == "a=0Db=00c\r\n");
}

TEST_CASE("what could break a header or name another recipient is refused") {
  const auto refused = [](auto change) {
    Mail m = mail();
    change(m);
    CHECK_THROWS_AS(mail_message(kSender, m, kDate), std::invalid_argument);
    return problem_of(m).has_value();
  };
  using namespace std::string_literals;
  for (const std::string& to : {""s,
                                "@"s,
                                "a"s,
                                "a@"s,
                                "@b"s,
                                "a b@c.example"s,
                                "a@b.example\r\nBcc: x@y.example"s,
                                "a@b.example\n"s,
                                "a\r@b.example"s,
                                "a@b.example, c@d.example"s,
                                "a@b@c.example"s,
                                "<a@b.example>"s,
                                "a@b.example>"s,
                                "\"a b\"@c.example"s,
                                "a@[127.0.0.1]"s,
                                "a@b.example\0"s,
                                "a@b.example NOTIFY=NEVER"s,
                                "a;b@c.example"s,
                                "a(b)@c.example"s,
                                "a\\b@c.example"s,
                                std::string(250, 'a') + "@b.cd"})
    CHECK_MESSAGE(refused([&](Mail& m) { m.to = to; }), to);
  for (const std::string& subject : {"a\r\nBcc: x@y.example"s, "a\nb"s, "a\rb"s, "a\0b"s, "a\tb"s, "a\x7f"s})
    CHECK_MESSAGE(refused([&](Mail& m) { m.subject = subject; }), subject);
  for (const std::string& id : {""s, "a b"s, "a>"s, "../a"s, "a\r\nX: y"s, "a@b"s, std::string(129, 'a')})
    CHECK_MESSAGE(refused([&](Mail& m) { m.id = id; }), id);
  for (const MailSender& from :
       {MailSender{"", ""}, {"a", ""}, {"a@b\r\nX: y", ""}, {"a@b.example", "x\r\nBcc: y@z.example"}})
    CHECK_THROWS_AS(mail_message(from, mail(), kDate), std::invalid_argument);
}

TEST_CASE("addresses in other scripts are addresses") {
  Mail m = mail();
  m.to = "\xe9\xa6\xac@\xe9\xa6\xac.example";
  CHECK_FALSE(problem_of(m));
  CHECK(has_line(mail_message(kSender, m, kDate), "To: <" + m.to + ">"));
}

TEST_CASE("the file mailer writes complete mails whose names sort by time") {
  const MailFolder folder;
  StandingClock clock;
  FileMailer mailer(folder.path() / "mail", kSender, clock);
  CHECK(mailer.send(mail()).outcome == MailOutcome::sent);
  Mail second = mail();
  second.id = "another";
  clock.at.ms += 1;
  CHECK(mailer.send(second).outcome == MailOutcome::sent);

  std::vector<std::string> names;
  const fs::path directory = folder.path() / "mail";
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"20260618T141320.123Z-ver_01hx4nvz.eml",
                                          "20260618T141320.124Z-another.eml"});
  CHECK(read_file(directory / names[0]) == mail_message(kSender, mail(), kDate));
  struct stat status{};
  REQUIRE(::stat((directory / names[0]).c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("the file mailer says what it cannot do") {
  const MailFolder folder;
  StandingClock clock;
  CHECK_THROWS_AS(FileMailer(folder.path(), {"nobody", ""}, clock), std::invalid_argument);
  FileMailer mailer(folder.path() / "mail", kSender, clock);
  Mail bad = mail();
  bad.to = "a@b.example\r\nBcc: x@y.example";
  CHECK(mailer.send(bad).outcome == MailOutcome::refused);
  CHECK(fs::is_empty(folder.path() / "mail"));
  fs::remove(folder.path() / "mail");
  const auto failed = mailer.send(mail());
  CHECK(failed.outcome == MailOutcome::server_failed);
  CHECK(failed.reason.find("mail") != std::string::npos);
}

TEST_CASE("a password never travels in the open, by any setting") {
  StandingClock clock;
  const auto options = [](const char* url, StartTls starttls, const char* user = "") {
    SmtpOptions made;
    made.url = url;
    made.starttls = starttls;
    made.user = user;
    made.from = kSender;
    return made;
  };
  const auto makes = [&](SmtpOptions made) { SmtpMailer mailer(std::move(made), clock); };
  CHECK_NOTHROW(makes(options("smtp://a.example:587", StartTls::off)));
  CHECK_NOTHROW(makes(options("smtp://a.example:587", StartTls::required, "user")));
  CHECK_NOTHROW(makes(options("smtps://a.example", StartTls::off, "user")));
  for (const auto& bad : {options("smtp://a.example", StartTls::off, "user"),
                          options("smtp://a.example", StartTls::optional, "user"),
                          options("smtp://user:secret@a.example", StartTls::required),
                          options("http://a.example", StartTls::off), options("a.example:25", StartTls::off)})
    CHECK_THROWS_AS(makes(bad), std::invalid_argument);
}

TEST_CASE("a mail file is on disk, under its name, before anybody is told that it was sent") {
  for (const int error : {EIO, ENOSPC}) {
    for (std::size_t n = 0;; ++n) {
      const MailFolder folder;
      const StandingClock clock;
      FileMailer mailer(folder.path() / "mail", kSender, clock);
      groundtruth::testing::SystemFaults disk(folder.path());
      std::vector<std::string> synced;
      std::size_t calls = 0;
      disk.decide([&](groundtruth::testing::SystemCall call, const std::string& path) {
        if (calls++ == n) return error;
        if (call == groundtruth::testing::SystemCall::sync) synced.push_back(path);
        return 0;
      });
      const auto first = mailer.send(mail());
      const bool failed = !disk.failed().empty();
      CAPTURE(disk.failed());
      disk.mend();
      CHECK((first.outcome == MailOutcome::sent) == !failed);
      if (!failed) {
        REQUIRE(synced.size() == 2);  // the file, and then its directory
        CHECK(synced.back() == (folder.path() / "mail").string());
        break;
      }
      CHECK(first.outcome == MailOutcome::server_failed);
      CHECK(mailer.send(mail()).outcome == MailOutcome::sent);  // by itself, once the disk takes it
      CHECK(std::distance(fs::directory_iterator(folder.path() / "mail"), {}) == 1);
    }
  }
}
