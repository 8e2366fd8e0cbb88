// SPDX-License-Identifier: BSD-3-Clause
// The least that a job server can possibly do, as a yardstick for gmand: a bare epoll loop that
// parses and answers with one FIFO and no checks.
//
// It knows SUBMIT_JOB, SUBMIT_JOB_BG, GRAB_JOB, WORK_COMPLETE, PRE_SLEEP and ECHO_REQ of peers that
// it trusts in everything. There is one queue whatever the function, no unique, no priority, no
// table of running jobs (a handle names the client that waits, so that a result finds its way
// without a look-up), no limit and no deadline. What it spends is what the kernel asks for
// recv, send and epoll_wait and what copying the bytes costs; a job server that keeps its promises
// can come near to it, and not below. It shares no code with the server.
//
// With a journal it is also the least that a durable server can do: what a turn has submitted is
// appended in one write and made safe by one fdatasync before anything of that turn is answered. It
// is never read back, and a job's end is not written.
//
//   least PORT UNIX_SOCKET_PATH [JOURNAL_PATH]
//
// PORT 0 takes a free one; the first line on stdout names it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

enum Type : std::uint32_t {
  pre_sleep = 4,
  noop = 6,
  submit_job = 7,
  job_created = 8,
  grab_job = 9,
  no_job = 10,
  job_assign = 11,
  work_complete = 13,
  echo_req = 16,
  echo_res = 17,
  submit_job_bg = 18,
};

constexpr std::size_t header_bytes = 12;
constexpr std::size_t chunk_bytes = 1u << 20;
constexpr std::size_t scratch_bytes = 256u << 10;
constexpr int nobody = 0;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "least: %s: %s\n", what,
               std::error_code(errno, std::generic_category()).message().c_str());
  std::exit(1);
}

std::uint32_t load(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return ntohl(value);
}

// What waits: the client's descriptor, then the body as it came (function, unique, workload).
struct Record {
  std::uint64_t number;
  std::int32_t client;
  std::uint32_t body_bytes;
};

// Records one behind the other in chunks; an emptied chunk is freed.
class Fifo {
 public:
  void push(Record record, const char* body) {
    const std::size_t bytes = sizeof record + record.body_bytes;
    if (chunks_.empty() || chunks_.back().size - chunks_.back().end < bytes) {
      const std::size_t size = std::max(bytes, chunk_bytes);
      chunks_.push_back({std::unique_ptr<char[]>(new char[size]), size, 0, 0});
    }
    Chunk& chunk = chunks_.back();
    std::memcpy(chunk.data.get() + chunk.end, &record, sizeof record);
    std::memcpy(chunk.data.get() + chunk.end + sizeof record, body, record.body_bytes);
    chunk.end += bytes;
  }

  [[nodiscard]] bool empty() const { return chunks_.empty(); }

  // The body stays valid until the next pop.
  std::pair<Record, const char*> pop() {
    emptied_ = {};
    Chunk& chunk = chunks_.front();
    Record record{};
    const char* at = chunk.data.get() + chunk.begin;
    std::memcpy(&record, at, sizeof record);
    chunk.begin += sizeof record + record.body_bytes;
    if (chunk.begin == chunk.end) {
      emptied_ = std::move(chunk.data);
      chunks_.pop_front();
    }
    return {record, at + sizeof record};
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> data;
    std::size_t size, begin, end;
  };
  std::deque<Chunk> chunks_;
  std::unique_ptr<char[]> emptied_;
};

struct Peer {
  bool is_open = false;
  bool is_dirty = false;
  bool waits_for_room = false;
  std::string in;   // half a packet
  std::string out;  // what this turn has to tell
};

class Responder {
 public:
  Responder(std::uint16_t port, const char* path, const char* journal_path)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (journal_path != nullptr) {
      journal_ = ::open(journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      if (journal_ < 0) die("open");
    }
    listen_tcp(port);
    listen_unix(path);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == tcp_ || fd == unix_) {
          accept_one(fd);
        } else {
          if ((events[static_cast<std::size_t>(i)].events & EPOLLOUT) != 0) mark(fd);
          read(fd);
        }
      }
      commit();
      for (const int fd : dirty_) flush(fd);
      dirty_.clear();
    }
  }

 private:
  void watch(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, operation, fd, &event) != 0) die("epoll_ctl");
  }

  void listen_tcp(std::uint16_t port) {
    tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(tcp_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    if (::bind(tcp_, reinterpret_cast<sockaddr*>(&address), bytes) != 0) die("bind");
    if (::listen(tcp_, SOMAXCONN) != 0) die("listen");
    ::getsockname(tcp_, reinterpret_cast<sockaddr*>(&address), &bytes);
    watch(EPOLL_CTL_ADD, tcp_, EPOLLIN);
    std::printf("listening 127.0.0.1:%u\n", static_cast<unsigned>(ntohs(address.sin_port)));
  }

  void listen_unix(std::string_view path) {
    unix_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(unix_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
    if (::listen(unix_, SOMAXCONN) != 0) die("listen");
    watch(EPOLL_CTL_ADD, unix_, EPOLLIN);
    std::printf("listening unix:%s\n", address.sun_path);
    std::fflush(stdout);
  }

  Peer& peer(int fd) { return peers_[static_cast<std::size_t>(fd)]; }

  void accept_one(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (listener == tcp_) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    while (peers_.size() <= static_cast<std::size_t>(fd)) peers_.emplace_back();
    peer(fd).is_open = true;
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  }

  void close(int fd) {
    ::close(fd);
    peer(fd) = {};
    std::erase(sleepers_, fd);
  }

  void mark(int fd) {
    if (std::exchange(peer(fd).is_dirty, true)) return;
    dirty_.push_back(fd);
  }

  void read(int fd) {
    Peer& from = peer(fd);
    const std::size_t kept = from.in.size();
    if (scratch_.size() < kept + scratch_bytes) scratch_.resize(kept + scratch_bytes);
    const ssize_t got = ::recv(fd, scratch_.data() + kept, scratch_.size() - kept, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return close(fd);
    from.in.copy(scratch_.data(), kept);
    std::size_t left = kept + static_cast<std::size_t>(got);
    const char* at = scratch_.data();
    while (left >= header_bytes) {
      const std::uint32_t body_bytes = load(at + 8);
      if (left - header_bytes < body_bytes) break;
      handle(fd, load(at + 4), at + header_bytes, body_bytes);
      at += header_bytes + body_bytes;
      left -= header_bytes + body_bytes;
    }
    from.in.assign(at, left);
  }

  void handle(int fd, std::uint32_t type, const char* body, std::uint32_t bytes) {
    switch (type) {
      case submit_job: return submit(fd, fd, body, bytes);
      case submit_job_bg: return submit(fd, nobody, body, bytes);
      case grab_job: return grab(fd);
      case work_complete: return complete(body, bytes);
      case pre_sleep:
        if (fifo_.empty()) return sleepers_.push_back(fd);
        return send(fd, noop, {});
      case echo_req: return send(fd, echo_res, {body, bytes});
    }  // all else asks for no answer
  }

  void submit(int fd, int client, const char* body, std::uint32_t bytes) {
    const Record record{++number_, client, bytes};
    fifo_.push(record, body);
    if (journal_ >= 0) {
      unwritten_.append(reinterpret_cast<const char*>(&record), sizeof record).append(body, bytes);
    }
    send(fd, job_created, handle_of(number_, client));
    if (sleepers_.empty()) return;
    send(sleepers_.back(), noop, {});
    sleepers_.pop_back();
  }

  void grab(int fd) {
    if (fifo_.empty()) return send(fd, no_job, {});
    const auto [record, body] = fifo_.pop();
    const auto* const function_end =
        static_cast<const char*>(std::memchr(body, '\0', record.body_bytes));
    const char* const body_end = body + record.body_bytes;
    const auto* const unique_end = static_cast<const char*>(
        std::memchr(function_end + 1, '\0', static_cast<std::size_t>(body_end - function_end - 1)));
    const std::string_view handle = handle_of(record.number, record.client);
    const std::string_view function(body, static_cast<std::size_t>(function_end + 1 - body));
    const std::string_view workload(unique_end + 1,
                                    static_cast<std::size_t>(body_end - unique_end - 1));
    std::string& out = begin(fd, job_assign, handle.size() + 1 + function.size() + workload.size());
    out.append(handle).append(1, '\0').append(function).append(workload);
  }

  void complete(const char* body, std::uint32_t bytes) {
    const std::string_view all(body, bytes);
    const std::string_view handle = all.substr(0, all.find('\0'));
    int client = nobody;
    std::from_chars(handle.data() + handle.rfind(':') + 1, handle.data() + handle.size(), client);
    if (client != nobody && peer(client).is_open) send(client, work_complete, all);
  }

  std::string_view handle_of(std::uint64_t number, int client) {
    char* at = handle_.data() + handle_prefix.copy(handle_.data(), handle_prefix.size());
    at = std::to_chars(at, handle_.end(), number).ptr;
    *at++ = ':';
    at = std::to_chars(at, handle_.end(), client).ptr;
    return {handle_.data(), static_cast<std::size_t>(at - handle_.data())};
  }

  std::string& begin(int fd, std::uint32_t type, std::size_t body_bytes) {
    mark(fd);
    std::array<std::uint32_t, 2> words{htonl(type), htonl(static_cast<std::uint32_t>(body_bytes))};
    std::array<char, header_bytes> header{'\0', 'R', 'E', 'S'};
    std::memcpy(header.data() + 4, words.data(), sizeof words);
    return peer(fd).out.append(header.data(), header.size());
  }

  void send(int fd, std::uint32_t type, std::string_view body) {
    begin(fd, type, body.size()).append(body);
  }

  // Of a server that could not keep its promise nothing is worth measuring.
  void commit() {
    for (std::string_view left = unwritten_; !left.empty();) {
      const ssize_t written = ::write(journal_, left.data(), left.size());
      if (written < 0) die("write");
      left.remove_prefix(static_cast<std::size_t>(written));
    }
    if (!unwritten_.empty() && ::fdatasync(journal_) != 0) die("fdatasync");
    unwritten_.clear();
  }

  void flush(int fd) {
    Peer& to = peer(fd);
    to.is_dirty = false;
    if (!to.is_open || to.out.empty()) return;
    const ssize_t sent = ::send(fd, to.out.data(), to.out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return;  // the next recv tells
    to.out.erase(0, sent > 0 ? static_cast<std::size_t>(sent) : 0);
    const bool waits = !to.out.empty();
    if (std::exchange(to.waits_for_room, waits) != waits) {
      watch(EPOLL_CTL_MOD, fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
  }

  static constexpr std::string_view handle_prefix = "H:least:";

  int epoll_;
  int tcp_ = -1;
  int unix_ = -1;
  int journal_ = -1;
  std::string unwritten_;   // records for the journal, of this turn
  std::deque<Peer> peers_;  // by descriptor
  std::vector<int> dirty_;
  std::vector<int> sleepers_;
  std::vector<char> scratch_;
  std::array<char, 64> handle_{};
  Fifo fifo_;
  std::uint64_t number_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "Usage: least PORT UNIX_SOCKET_PATH [JOURNAL_PATH]\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  Responder responder(static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2],
                      argc == 4 ? argv[3] : nullptr);
  responder.run();
}
