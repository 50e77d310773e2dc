// Index, documents and Swagger UI (api/docs/pages.hpp).
#include "api/docs/pages.hpp"

#include <sodium.h>

#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "api/common/header_lists.hpp"
#include "api/common/html.hpp"
#include "api/groundtruth/errors.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::api::docs {
namespace {

// Swagger UI sets styles from script and shows images as data; "Try it out" talks to this server.
constexpr std::string_view kDocsPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

struct File {
  std::string content_type;
  std::shared_ptr<const std::string> body;  // one for all connections
  std::string etag;
  std::string policy;  // Content-Security-Policy; "" leaves the server's own
};
using Files = std::map<std::string, File, std::less<>>;  // by path

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf()))
    throw std::runtime_error("cannot read " + path.string() + ", which the documentation pages are made of");
  return std::move(content).str();
}

void add(Files& files, std::string path, std::string content_type, std::string body,
         std::string_view policy = {}) {
  std::array<unsigned char, crypto_generichash_BYTES_MIN> digest;
  crypto_generichash(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(body.data()),
                     body.size(), nullptr, 0);
  std::array<char, digest.size() * 2 + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  files.emplace(std::move(path),
                File{std::move(content_type), std::make_shared<const std::string>(std::move(body)),
                     '"' + std::string(hex.data()) + '"', std::string(policy)});
}

std::string head(std::string_view title, std::string_view style) {
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  out += escape_html(title);
  out += "</title>\n<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"";
  out += style;
  out += "\">\n</head>\n";
  return out;
}

std::string swagger_page(const Document& document) {
  std::string out = head(document.title, "/docs/assets/swagger-ui.css");
  out +=
      "<body>\n<div id=\"swagger-ui\"></div>\n<script src=\"/docs/assets/swagger-ui-bundle.js\"></script>\n";
  out += "<script src=\"/docs/assets/" + escape_html(document.surface) +
         "-init.js\"></script>\n</body>\n</html>\n";
  return out;
}

std::string init_script(const Document& document) {
  std::string url;
  journal::codec::append_string(url, "/openapi/" + document.surface + ".json");
  return "SwaggerUIBundle({\n  url: " + url +
         ",\n  dom_id: \"#swagger-ui\",\n  presets: [SwaggerUIBundle.presets.apis],\n  layout: "
         "\"BaseLayout\",\n"
         "  deepLinking: true,\n  validatorUrl: null,\n});\n";
}

std::string index_page(const PagesOptions& options) {
  std::string out = head("GroundTruth", "/docs/assets/index.css");
  out += "<body>\n<main>\n<h1>GroundTruth</h1>\n<p>This server speaks these APIs:</p>\n<ul>\n";
  for (const auto& document : options.documents) {
    out += "<li><a href=\"/docs/" + escape_html(document.surface) + "\">" + escape_html(document.title) +
           "</a> ";
    out += "(<a href=\"/openapi/" + escape_html(document.surface) + ".json\">OpenAPI</a>)</li>\n";
  }
  out += "</ul>\n</main>\n</body>\n</html>\n";
  return out;
}

constexpr std::string_view kIndexStyle =
    ":root { color-scheme: light dark; }\n"
    "body { font: 1rem/1.6 system-ui, sans-serif; margin: 0; }\n"
    "main { max-width: 36rem; margin: 10vh auto; padding: 0 1.5rem; }\n";

Files collect(const PagesOptions& options) {
  constexpr std::string_view html = "text/html; charset=utf-8", css = "text/css; charset=utf-8",
                             script = "text/javascript; charset=utf-8";
  Files files;
  add(files, "/", std::string(html), index_page(options), kPagePolicy);
  add(files, "/docs/assets/index.css", std::string(css), std::string(kIndexStyle));
  add(files, "/docs/assets/swagger-ui.css", std::string(css),
      read_file(options.swagger_ui / "swagger-ui.css"));
  add(files, "/docs/assets/swagger-ui-bundle.js", std::string(script),
      read_file(options.swagger_ui / "swagger-ui-bundle.js"));
  for (const auto& document : options.documents) {
    add(files, "/openapi/" + document.surface + ".json", "application/json", read_file(document.file));
    add(files, "/docs/" + document.surface, std::string(html), swagger_page(document), kDocsPolicy);
    add(files, "/docs/assets/" + document.surface + "-init.js", std::string(script), init_script(document));
  }
  return files;
}

// A browser asks again with the tag that it has, and mostly gets 304.
http::Async<http::Response> serve(const Files& files, std::string path, http::Request& request) {
  const auto found = files.find(path);
  if (found == files.end()) co_return groundtruth::refuse(http::Refusal::not_found, {});
  const File& file = found->second;
  http::Response response;
  response.content_type = file.content_type;
  response.header("ETag", file.etag);
  response.header("Cache-Control", "no-cache");
  if (!file.policy.empty()) response.header("Content-Security-Policy", file.policy);
  const auto known = list_of(request.headers, "If-None-Match");
  if (known && known->find(file.etag) != std::string_view::npos)
    response.status = 304;
  else
    response.shared_body = file.body;
  co_return response;
}

}  // namespace

http::Surface make_pages_surface(const PagesOptions& options) {
  const auto files = std::make_shared<const Files>(collect(options));
  http::Surface surface;
  surface.name = "public pages";
  surface.on_every_host = true;
  const auto add_route = [&](std::string_view pattern, std::string_view operation, auto path_of) {
    surface.routes.push_back(
        {http::Method::get, pattern, operation,
         [files, path_of](http::Request& request) { return serve(*files, path_of(request), request); },
         http::BodyKind::none, 0, ""});
  };
  const auto own_path = [](const http::Request& request) { return request.path; };
  add_route("/", "index", own_path);
  add_route("/openapi/{name}", "openapiDocument", own_path);
  add_route("/docs/{surface}", "docs", own_path);
  add_route("/docs/assets/{name}", "docsAsset", own_path);
  surface.refuse = [](http::Refusal refusal, const http::Request&, std::string_view detail) {
    return groundtruth::refuse(refusal, detail);
  };
  surface.claims = [](const http::Request& request) {
    if (request.path == "/") return !request.headers.find("Authorization");
    return request.path.starts_with("/docs/") || request.path.starts_with("/openapi/");
  };
  return surface;
}

}  // namespace groundtruth::api::docs
