// Public pages without a credential: the index, each surface's OpenAPI document, and Swagger UI over it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "api/http/router.hpp"

namespace groundtruth::api::docs {

struct Document {
  std::string surface;         // "groundtruth": /openapi/groundtruth.json and /docs/groundtruth
  std::string title;           // "Groundtruth API"
  std::filesystem::path file;  // the JSON that the build made
};

struct PagesOptions {
  std::vector<Document> documents;
  std::filesystem::path swagger_ui;  // a folder with swagger-ui.css and swagger-ui-bundle.js
};

// Reads every file now and keeps it in memory. Throws std::runtime_error that names a file which cannot be
// read. Claims /, /docs and /openapi under every host name; not / of a request that shows a credential: that
// is an API client who has lost its way, and gets its surface's 404.
http::Surface make_pages_surface(const PagesOptions& options);

}  // namespace groundtruth::api::docs
