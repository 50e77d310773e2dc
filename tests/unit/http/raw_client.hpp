// A client that sends exactly the bytes it is told to, for tests of the server on loopback.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace groundtruth::http {

struct Answer {
  int status = 0;                              // 0: the connection ended before an answer
  std::map<std::string, std::string> headers;  // names in lower case; the last one of each
  std::string body;
  bool complete = false;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class RawClient {
 public:
  // `receive_buffer_bytes` small makes a reader that is easily too slow.
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer_bytes > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    const timeval patience{10, 0};  // a hang is a failure, not a hung test
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  // False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  void shut_down_sending() { ::shutdown(fd_, SHUT_WR); }

  // One response, its body by Content-Length, by chunks, or to the end of the connection.
  Answer receive(bool head_request = false) {
    Answer answer;
    std::size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return answer;
    }
    const std::string head = input_.substr(0, end + 2);
    input_.erase(0, end + 4);
    answer.status = std::atoi(head.substr(9, 3).c_str());
    for (std::size_t line = head.find("\r\n") + 2; line < head.size();) {
      const auto line_end = head.find("\r\n", line);
      const auto colon = head.find(": ", line);
      std::string name = head.substr(line, colon - line);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.headers[name] = head.substr(colon + 2, line_end - colon - 2);
      line = line_end + 2;
    }
    if (head_request || answer.status == 204 || answer.status == 304 || answer.status == 100) {
      answer.complete = true;
    } else if (answer.header("transfer-encoding") == "chunked") {
      answer.complete = receive_chunks(answer.body);
    } else if (answer.headers.count("content-length") != 0) {
      const auto length = static_cast<std::size_t>(std::stoull(answer.header("content-length")));
      while (input_.size() < length && fill()) {
      }
      answer.complete = input_.size() >= length;
      answer.body = input_.substr(0, length);
      input_.erase(0, length);
    } else {
      while (fill()) {
      }
      answer.complete = true;
      answer.body.swap(input_);
    }
    return answer;
  }

  Answer ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  // True when the server ends the connection and sends nothing more.
  bool ends() { return input_.empty() && !fill() && !timed_out_; }

 private:
  bool fill() {
    char bytes[16384];
    const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) {
      timed_out_ = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      return false;
    }
    input_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  bool receive_chunks(std::string& body) {
    for (;;) {
      std::size_t end = 0;
      while ((end = input_.find("\r\n")) == std::string::npos) {
        if (!fill()) return false;
      }
      const auto length = static_cast<std::size_t>(std::stoull(input_.substr(0, end), nullptr, 16));
      while (input_.size() < end + 2 + length + 2) {
        if (!fill()) return false;
      }
      body.append(input_, end + 2, length);
      input_.erase(0, end + 2 + length + 2);
      if (length == 0) return true;
    }
  }

  int fd_;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string input_;
};

}  // namespace groundtruth::http
