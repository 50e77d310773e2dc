// One libcurl transfer as a value: the handle is freed with it, and a setting that libcurl does not take
// throws.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

namespace groundtruth::adapters {

struct FreeCurlList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

inline void append(CurlList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

// Not thread-safe; one transfer at a time. Whoever starts the process has called curl_global_init.
class CurlHandle {
 public:
  CurlHandle() : handle_(curl_easy_init()) {
    if (!handle_) throw std::bad_alloc();
    reset();
  }
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;

  // As new, but that connections stay open for the next transfer.
  void reset() {
    curl_easy_reset(handle_.get());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");  // the environment of a server does not decide where its calls go
    set(CURLOPT_ERRORBUFFER, error_.data());
  }

  // Strings are copied by libcurl, but for CURLOPT_POSTFIELDS.
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    if (code != CURLE_OK) throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(code));
  }

  CURLcode perform() {
    error_[0] = '\0';
    return curl_easy_perform(handle_.get());
  }

  // Of the server's last answer; 0 where there was none.
  long response_code() const {
    long code = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  // Of the last answer's own header, the first of that name.
  std::optional<std::string> response_header(const char* name) const {
    curl_header* header = nullptr;
    if (curl_easy_header(handle_.get(), name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return std::nullopt;
    return header->value;
  }

  // What went wrong, in words.
  std::string error(CURLcode code) const {
    return error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
  }

 private:
  struct Cleanup {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  std::array<char, CURL_ERROR_SIZE> error_{};  // before the handle, which writes to it until the end
  std::unique_ptr<CURL, Cleanup> handle_;
};

}  // namespace groundtruth::adapters
