// Decisions on who is asked to write (domain/writer.hpp).
#include "domain/writer.hpp"

#include "domain/domain.hpp"

namespace groundtruth::domain {

void evolve(Writer& state, const WriterAnnounced& event, Timestamp) {
  state.address = event.address;
}

Decision decide(const AnnounceWriter& command, const Writer& writer, Timestamp) {
  Decision decision;
  if (writer.address != command.address) decision.add(command.writer, WriterAnnounced{command.address});
  return decision;
}

}  // namespace groundtruth::domain
