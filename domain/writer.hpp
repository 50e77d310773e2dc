// Writer: the process that is best asked to decide on what one chain takes, where several could (DESIGN,
// section 2). Nothing of the business; it is in history because all processes must know the same, and where
// nobody knows, every one may write all the same.
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "domain/ids.hpp"
#include "domain/result.hpp"

namespace groundtruth::domain {

struct WriterAnnounced {
  static constexpr std::string_view kType = "writer.announced";
  static constexpr int kSchema = 1;
  std::string address;  // HOST:PORT, for other processes of this system
};
BOOST_DESCRIBE_STRUCT(WriterAnnounced, (), (address))

struct Writer {
  using Key = WriterId;
  std::string address;  // "" before anybody was announced
};
BOOST_DESCRIBE_STRUCT(Writer, (), (address))

void evolve(Writer& state, const WriterAnnounced& event, Timestamp at);

// The one before is no longer preferred. Announced again, nothing happens.
struct AnnounceWriter {
  static constexpr std::string_view kName = "writer.announce";
  WriterId writer;
  std::string address;
};
BOOST_DESCRIBE_STRUCT(AnnounceWriter, (), (writer, address))

}  // namespace groundtruth::domain
