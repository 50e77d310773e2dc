// What the tools share: a call as JSON on standard input, its result as JSON on standard output.
#pragma once

#include <curl/curl.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <iterator>
#include <string>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::tools {

// The exit code: 0 with a result, 2 for a call that is malformed, 1 for whatever else was thrown.
template <class Call, class Result>
int run(Result (*function)(const Call&)) {
  try {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const std::string input(std::istreambuf_iterator<char>(std::cin), {});
    const auto call = journal::codec::decode_json<Call>(input);
    for (const auto& error : call.errors)
      std::fprintf(stderr, "%s %s\n", error.path.c_str(), error.message.c_str());
    if (!call) return 2;
    std::puts(journal::codec::to_json(function(*call.value)).c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace groundtruth::tools
