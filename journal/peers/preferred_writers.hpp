// Preferred writers (DESIGN, section 2): of all processes that could decide on what a chain takes, one is
// asked first, so that they seldom get in each other's way. A consumer group gives each partition to one
// process, which announces its address in that chain; the others hand it their commands, wait until they have
// read the commit themselves, and answer from it.
//
// It is a hint and never a lock. Where the announced process is not connected, does not want the command or
// is lost while it has it, the node decides by itself, under the same id; and a process that does not know
// yet that it lost a partition makes orphans at worst.
//
// Threads: all public calls from any, but `observe`, which is the node's executor's. One thread of its own.
// What is handed on is bounded: what does not fit is decided here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "journal/duties.hpp"
#include "journal/key_store.hpp"
#include "journal/node.hpp"
#include "journal/ports.hpp"
#include "journal/read_models.hpp"

namespace groundtruth::journal {

struct PreferredWritersOptions {
  // Where other processes find this one; "" is nowhere: it hands on, and nobody hands anything to it.
  std::string host;
  std::uint16_t port = 0;  // 0 picks one
  // What it announces, HOST:PORT; "" is where it listens.
  std::string advertised;
  DataKey secret{};     // common to all processes of the journal, and to nobody else
  std::string journal;  // its UUID
  std::function<void(const std::string&)> log;
};

class PreferredWriters final : public Delegate {
 public:
  // Listens, and answers from `start` on. Throws std::system_error where the address cannot be had. `duties`
  // says which partitions are this process's; null where it listens nowhere. The others outlive it or its
  // `stop`.
  PreferredWriters(Node& node, ReadModels& read_models, Clock& clock, Randomness& randomness,
                   std::unique_ptr<Duties> duties, PreferredWritersOptions options);
  ~PreferredWriters() override;  // stop()

  bool take(Submission& submission) override;
  bool has_command(const domain::CommandId& id, std::string_view account) override;
  void observe(const Accepted& accepted);

  // Once the node has started, so that it can take what comes.
  void start();
  // Others become preferred for what this process was; what they hand over until they know is decided all the
  // same. Idempotent.
  void leave();
  // Waits for nothing: what was handed on and has no answer is answered `unknown`. The node must still run.
  // Idempotent.
  void stop();

  const std::string& address() const;  // as announced; "" where it listens nowhere
  struct Counters {
    std::uint64_t handed, declined, abandoned;  // by this process: given to others, and of those decided here
    std::uint64_t taken, refused;               // from others, and of those not decided here
    std::size_t preferred;                      // partitions for which this process was announced last
    std::size_t connected;                      // processes that it is connected to
  };
  Counters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace groundtruth::journal
