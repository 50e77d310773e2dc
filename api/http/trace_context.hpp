// W3C Trace Context: the header `traceparent`, by which the logs of everything that a request went through
// are put together (https://www.w3.org/TR/trace-context/).
#pragma once

#include <string>
#include <string_view>

namespace groundtruth::http {

// The field as version 00 writes it, "00-<32 hex>-<16 hex>-<2 hex>", where it is well-formed; "" where it is
// not, and whoever got it begins a trace of its own. Of a later version the parts that 00 knows are taken.
std::string read_traceparent(std::string_view field);

}  // namespace groundtruth::http
