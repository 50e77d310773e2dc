// What processes of one system say to each other: a command that is handed to who is better placed to decide
// it, and what came of it. One line of JSON each, by the same reflection as everything else.
//
// A process of another release may not know a command or one of its fields: then it does not read the line,
// and says so (`declined`), and whoever handed it on decides.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "journal/submission.hpp"

namespace groundtruth::journal::peers {

// Its deadline counts from when it is read: clocks of two machines are not compared.
std::string encode_submission(std::uint64_t number, const Submission& submission,
                              std::chrono::steady_clock::time_point now);

struct HandedSubmission {
  std::uint64_t number = 0;
  std::optional<Submission> submission;  // nullopt: not understood; `done` is not set
};
// nullopt: not even a number can be read.
std::optional<HandedSubmission> decode_submission(std::string_view line,
                                                  std::chrono::steady_clock::time_point now);

// Of the commit it says the place only: everybody reads the same journal.
struct HandedAnswer {
  std::uint64_t number = 0;
  bool is_understood = false;  // else nothing of the following
  bool declined = false;       // surely not executed there
  bool has_commit = false;
  Answer answer;  // but for the commit
};
std::string encode_answer(std::uint64_t number, const Answer& answer);
std::string encode_declined(std::uint64_t number);
// nullopt: not even a number can be read.
std::optional<HandedAnswer> decode_answer(std::string_view line);

}  // namespace groundtruth::journal::peers
