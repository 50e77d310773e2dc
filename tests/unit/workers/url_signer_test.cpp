// Signed URLs: what they look like, and that nothing in them can be changed.
#include "workers/adapters/url_signer.hpp"

#include <doctest/doctest.h>

#include "tests/unit/workers/media_support.hpp"

using namespace groundtruth;
using namespace groundtruth::adapters;
using namespace groundtruth::adapters::testing;
using ports::Signature;

namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

constexpr domain::Timestamp kNow{1'781'792'000'123};  // 2026-06-18T14:13:20.123Z
constexpr std::chrono::seconds kHour{3600};
const std::string kKey = "asg_01hx4nvzgwq9k3m5p8r2s4t6v8/" + std::string(64, 'a');

UrlSigner signer(std::uint8_t fill = 1) {
  UrlSigner made(master_key(fill));
  made.set_public_base("https://media.example/");
  return made;
}

std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

Query query_of(const std::string& url) {
  Query query;
  for (std::size_t at = url.find('?'); at < url.size();) {
    const std::size_t end = std::min(url.find('&', at + 1), url.size());
    const std::string pair = url.substr(at + 1, end - at - 1);
    const auto equals = pair.find('=');
    query.emplace_back(pair.substr(0, equals), decoded(pair.substr(equals + 1)));
    at = end;
  }
  return query;
}

// Every way to change one value a little, and to leave it out.
std::vector<Query> alterations(const Query& query) {
  std::vector<Query> all;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const std::string& value = query[i].second;
    for (const std::string& other :
         {std::string(), value + "0", "0" + value, value.substr(1), value.substr(0, value.size() - 1),
          std::string(1, static_cast<char>(value[0] ^ 1)) + value.substr(1), value + " "}) {
      if (other == value) continue;
      all.push_back(query);
      all.back()[i].second = other;
    }
    all.push_back(query);
    all.back().erase(all.back().begin() + static_cast<std::ptrdiff_t>(i));
  }
  return all;
}

Signature download(const UrlSigner& signer, const std::string& key, const Query& query,
                   domain::Timestamp now = kNow) {
  return signer.check_download({key, query}, now);
}

Signature upload(const UrlSigner& signer, const std::string& key, const Query& query,
                 domain::Timestamp now = kNow) {
  return signer.check_upload({key, query}, now).signature;
}

}  // namespace

TEST_CASE("a download's URL") {
  const UrlSigner ours = signer();
  const std::string url = ours.sign_download(kKey, kNow, kHour);
  CHECK(url.starts_with("https://media.example/media/" + kKey +
                        "?X-Amz-Date=20260618T141320Z&X-Amz-Expires=3600&X-Amz-Signature="));
  CHECK(query_of(url).back().second.size() == 64);
  const Query query = query_of(url);
  CHECK(download(ours, kKey, query) == Signature::valid);
  CHECK(download(signer(), kKey, query) == Signature::valid);  // another node
  CHECK(download(signer(2), kKey, query) == Signature::wrong);
  CHECK(download(ours, kKey + "a", query) == Signature::wrong);
  CHECK(download(ours, "", query) == Signature::wrong);
  CHECK(download(ours, kKey, {}) == Signature::wrong);
  CHECK(upload(ours, kKey, query) == Signature::wrong);
  for (const Query& altered : alterations(query)) CHECK(download(ours, kKey, altered) == Signature::wrong);
}

TEST_CASE("an upload's URL, and the headers that go with it") {
  const UrlSigner ours = signer();
  const ports::BlobSpec spec = spec_of(kKey, "some content", "text/plain; charset=utf-8");
  const ports::SignedUpload signed_upload = ours.sign_upload(spec, kNow, kHour);
  CHECK(signed_upload.url.find("content_type=text%2Fplain%3B%20charset%3Dutf-8&bytes=12&") !=
        std::string::npos);
  CHECK(signed_upload.headers == Query{{"Content-Type", "text/plain; charset=utf-8"}});
  CHECK(signed_upload.expires_at.ms == 1'781'792'000'000 + 3'600'000);

  const Query query = query_of(signed_upload.url);
  const ports::SignedSpec checked = ours.check_upload({kKey, query}, kNow);
  REQUIRE(checked.signature == Signature::valid);
  CHECK(checked.spec.key == spec.key);
  CHECK(checked.spec.content_type == spec.content_type);
  CHECK(checked.spec.bytes == spec.bytes);
  CHECK(checked.spec.sha256 == spec.sha256);

  CHECK(download(ours, kKey, query) == Signature::wrong);
  CHECK(upload(ours, "asg_01hx4nvzgwq9k3m5p8r2s4t6v9" + kKey.substr(30), query) == Signature::wrong);
  CHECK(upload(signer(2), kKey, query) == Signature::wrong);
  for (const Query& altered : alterations(query)) CHECK(upload(ours, kKey, altered) == Signature::wrong);
}

TEST_CASE("a URL ends when it says so") {
  const UrlSigner ours = signer();
  const auto signed_upload = ours.sign_upload(spec_of(kKey, "x"), kNow, kHour);
  const Query in = query_of(signed_upload.url), out = query_of(ours.sign_download(kKey, kNow, kHour));
  const domain::Timestamp end = signed_upload.expires_at;
  CHECK(upload(ours, kKey, in, {end.ms - 1}) == Signature::valid);
  CHECK(upload(ours, kKey, in, end) == Signature::expired);
  CHECK(download(ours, kKey, out, {end.ms - 1}) == Signature::valid);
  CHECK(download(ours, kKey, out, end) == Signature::expired);
  Query altered = out;
  altered.back().second[0] = altered.back().second[0] == '0' ? '1' : '0';
  CHECK(download(ours, kKey, altered, end) == Signature::wrong);
}
