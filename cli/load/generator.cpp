// SPDX-License-Identifier: BSD-3-Clause
#include "cli/load/generator.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <deque>
#include <random>
#include <system_error>
#include <utility>

#include "cli/load/cpu_time.hpp"
#include "cli/stream.hpp"
#include "protocol/limits.hpp"

namespace gman::cli::load {
namespace {

constexpr std::size_t block_bytes_max = 1u << 20;
constexpr std::size_t unique_digits = 12;  // as many as jobs_max has
constexpr int watch_every_ms = 100;
constexpr std::string_view greeting = "gman bench";

std::uint64_t clock_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

/// Tells the uniques of this run from those of any other.
std::string unique_prefix() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string prefix = "bench-";
  for (int i = 0; i < 8; ++i) prefix += digits[random() % digits.size()];
  return prefix + '-';
}

/// The first argument of a body.
std::string_view first_argument(std::string_view body) {
  return body.substr(0, body.find('\0'));
}

}  // namespace

// A connection that submits. Answers to submits come in the order of the submits.
struct Generator::Client {
  struct Sent {
    std::uint64_t at_ns;
    std::uint32_t jobs;
  };

  Client(Descriptor socket, std::size_t its_index) : link(std::move(socket)), index(its_index) {}

  /// When the oldest unanswered submit was sent; it is answered now.
  std::uint64_t answer_next() {
    Sent& oldest = sent.front();
    const std::uint64_t at_ns = oldest.at_ns;
    if (--oldest.jobs == 0) sent.pop_front();
    return at_ns;
  }

  Link link;
  const std::size_t index;
  bool waits_for_room = false;
  std::uint32_t in_flight = 0;
  std::deque<Sent> sent;
  std::unordered_map<std::string, std::uint64_t> running;  ///< foreground jobs, by handle
};

struct Generator::Worker {
  enum class State : std::uint8_t { preparing, asleep, grabbing, leaving, done };

  Worker(Descriptor socket, std::size_t its_index) : link(std::move(socket)), index(its_index) {}

  Link link;
  const std::size_t index;
  bool waits_for_room = false;
  State state = State::preparing;
  bool was_woken = false;  ///< and no job has come since
  std::string out;
};

Generator::Generator(const Plan& plan, std::vector<Descriptor> clients,
                     std::vector<Descriptor> workers)
    : plan_(plan), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  const auto watch = [this](const Link& link, std::size_t index) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, link.fd(), &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  };
  for (Descriptor& socket : clients) {
    clients_.push_back(std::make_unique<Client>(std::move(socket), clients_.size()));
    watch(clients_.back()->link, clients_.size() - 1);
  }
  for (Descriptor& socket : workers) {
    const std::size_t index = clients_.size() + workers_.size();
    workers_.push_back(std::make_unique<Worker>(std::move(socket), index));
    watch(workers_.back()->link, index);
  }

  const std::string workload(plan_.workload_bytes, 'x');
  std::string unique;
  if (plan_.has_uniques) unique = unique_prefix() + std::string(unique_digits, '0');
  const bool is_background = plan_.mode == Mode::background;
  const auto type = is_background ? PacketType::submit_job_bg : PacketType::submit_job;
  append_packet(block_, Magic::req, type, {plan_.function, unique, workload});
  packet_bytes_ = block_.size();
  unique_digits_at_ = header_bytes + plan_.function.size() + 1 + unique.size() -
                      (unique.empty() ? 0 : unique_digits);
  block_packets_ =
      std::clamp<std::size_t>(block_bytes_max / packet_bytes_, 1, std::max(plan_.window, 1u));
  const std::string packet = block_;
  for (std::size_t i = 1; i < block_packets_; ++i) block_ += packet;
}

Generator::~Generator() = default;

Outcome Generator::run(const Watch& watch) {
  if (!prepare_workers()) return std::move(outcome_);

  const auto server_cpu = [this] {
    return plan_.server_pid ? cpu_seconds_of(*plan_.server_pid) : std::nullopt;
  };
  const auto server_cpu_before = server_cpu();
  const double own_cpu_before = own_cpu_seconds();
  const std::uint64_t started_ns = clock_ns();
  std::uint64_t watch_at_ns = 0;

  const auto measure = [&] {
    outcome_.seconds = static_cast<double>(clock_ns() - started_ns) * 1e-9;
    outcome_.own_cpu_seconds = own_cpu_seconds() - own_cpu_before;
    if (const auto server_cpu_now = server_cpu(); server_cpu_now && server_cpu_before) {
      outcome_.server_cpu_seconds = *server_cpu_now - *server_cpu_before;
    }
  };

  now_ns_ = heard_at_ns_ = started_ns;
  start();
  while (!has_ended_ && !is_finished()) {
    if (!turn()) break;
    if (plan_.duration) {
      const auto over_at_ns =
          started_ns + static_cast<std::uint64_t>(plan_.duration->count()) * 1'000'000;
      if (now_ns_ >= over_at_ns) time_is_over();
    }
    if (watch && now_ns_ >= watch_at_ns) {
      measure();
      watch(outcome_);
      watch_at_ns = now_ns_ + watch_every_ms * 1'000'000;
    }
  }
  measure();
  return std::move(outcome_);
}

// Before the clock starts every worker has said what it can do and that it sleeps, and the server
// has heard it: it answers an ECHO_REQ behind that.
bool Generator::prepare_workers() {
  now_ns_ = heard_at_ns_ = clock_ns();
  for (const auto& worker : workers_) {
    std::string hello;
    append_packet(hello, Magic::req, PacketType::can_do, {plan_.function});
    if (plan_.submits()) append_packet(hello, Magic::req, PacketType::pre_sleep, {});
    append_packet(hello, Magic::req, PacketType::echo_req, {greeting});
    if (!worker->link.send(hello)) lost_connection();
  }
  while (!has_ended_ && workers_ready_ < workers_.size()) {
    if (!turn()) break;
  }
  return !has_ended_;
}

void Generator::start() {
  to_submit_ = plan_.submits() ? plan_.jobs : 0;
  to_take_ = plan_.submits() ? no_limit : plan_.jobs;
  is_closing_ = !plan_.submits();
  is_started_ = true;
  for (const auto& client : clients_) refill(*client);
  for (const auto& worker : workers_) {
    if (!plan_.submits() || worker->was_woken) grab(*worker);
    flush(*worker);
  }
}

/// Waits for what comes next and deals with it. False when the run is over.
bool Generator::turn() {
  std::array<epoll_event, 512> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), watch_every_ms);
  now_ns_ = clock_ns();
  if (is_interrupted()) {
    lost(End::interrupted, "interrupted");
    return false;
  }
  if (count > 0) {
    for (int i = 0; i < count && !has_ended_; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      ready(event.data.u64, event.events);
    }
    if (is_started_) close_when_submitted();
  }
  if (now_ns_ - heard_at_ns_ > static_cast<std::uint64_t>(plan_.patience.count()) * 1'000'000) {
    lost(End::silence, "nothing has come for " + std::to_string(plan_.patience.count()) + " ms");
  }
  return !has_ended_;
}

void Generator::ready(std::size_t index, std::uint32_t events) {
  Client* const client = index < clients_.size() ? clients_[index].get() : nullptr;
  Worker* const worker = client == nullptr ? workers_[index - clients_.size()].get() : nullptr;
  Link& link = client != nullptr ? client->link : worker->link;
  if ((events & EPOLLOUT) != 0 && !link.flush()) return lost_connection();
  now_ns_ = clock_ns();
  // While answers to clients are due, only they show that the run goes on.
  if (client != nullptr || in_flight_ == 0) heard_at_ns_ = now_ns_;
  const auto received = link.receive(scratch_, [&](const Packet& packet) {
    client != nullptr ? take(*client, packet) : take(*worker, packet);
  });
  switch (received) {
    case Received::packets: break;
    case Received::ended: return lost_connection();
    case Received::broken: return lost(End::broken_protocol, "the server broke the protocol");
  }
  client != nullptr ? refill(*client) : flush(*worker);
}

void Generator::time_is_over() {
  to_submit_ = 0;
  if (!plan_.submits()) to_take_ = 0;
  close_when_submitted();
}

// Nothing more will be submitted. Background jobs that our workers are to take may still be queued,
// so each worker that sleeps looks once more; together they take as many as were submitted, also
// when others go on submitting.
void Generator::close_when_submitted() {
  if (is_closing_ || to_submit_ > 0 || in_flight_ > 0) return;
  is_closing_ = true;
  if (plan_.mode == Mode::foreground) return;
  const std::uint64_t acknowledged = outcome_.counts.acknowledged;
  to_take_ = acknowledged - std::min(acknowledged, outcome_.counts.taken + grabs_);
  for (const auto& worker : workers_) {
    if (worker->state == Worker::State::asleep) grab(*worker);
    flush(*worker);
  }
}

bool Generator::is_finished() const {
  if (!is_closing_) return false;
  const bool results_are_here = plan_.submits() && plan_.mode == Mode::foreground;
  return results_are_here || workers_done_ == workers_.size();
}

// Submitting.

void Generator::refill(Client& client) {
  while (!client.link.is_blocked() && client.in_flight < plan_.window && to_submit_ > 0) {
    const std::uint64_t jobs = std::min<std::uint64_t>(
        {plan_.window - client.in_flight, to_submit_, std::uint64_t{block_packets_}});
    if (plan_.has_uniques) number_uniques(jobs);
    client.sent.push_back({clock_ns(), static_cast<std::uint32_t>(jobs)});
    client.in_flight += static_cast<std::uint32_t>(jobs);
    in_flight_ += jobs;
    to_submit_ -= jobs;
    outcome_.counts.submitted += jobs;
    if (!client.link.send(std::string_view(block_).substr(0, jobs * packet_bytes_))) {
      return lost_connection();
    }
  }
  watch_for_room(client.link, client.index, client.waits_for_room);
}

void Generator::number_uniques(std::size_t packets) {
  char* digits = block_.data() + unique_digits_at_;
  for (std::size_t i = 0; i < packets; ++i, digits += packet_bytes_) {
    std::uint64_t rest = ++unique_number_;
    for (std::size_t place = unique_digits; place-- > 0; rest /= 10) {
      digits[place] = static_cast<char>('0' + rest % 10);
    }
  }
}

void Generator::take(Client& client, const Packet& packet) {
  if (packet.type == PacketType::work_complete) {
    job_ended(client, first_argument(packet.body), true);
  } else if (packet.type == PacketType::work_fail || packet.type == PacketType::work_exception) {
    job_ended(client, first_argument(packet.body), false);
  } else if (packet.type == PacketType::job_created || packet.type == PacketType::error) {
    submit_answered(client, packet);
  }  // all else is WORK_DATA and its like, which ends nothing
}

void Generator::submit_answered(Client& client, const Packet& packet) {
  if (client.sent.empty()) return lost(End::broken_protocol, "an answer came to no submit");
  const std::uint64_t sent_at_ns = client.answer_next();
  if (packet.type == PacketType::error) {
    refused(packet);
  } else {
    ++outcome_.counts.acknowledged;
    if (plan_.mode == Mode::foreground) {
      client.running.emplace(packet.body, sent_at_ns);
      return;
    }
    outcome_.latency.add(now_ns_ - std::min(now_ns_, sent_at_ns));
  }
  --client.in_flight;
  --in_flight_;
}

void Generator::job_ended(Client& client, std::string_view handle, bool is_answered) {
  const auto job = client.running.find(std::string(handle));
  if (job == client.running.end()) return;  // WORK_FAIL after a WORK_EXCEPTION
  if (is_answered) {
    ++outcome_.counts.answered;
    outcome_.latency.add(now_ns_ - std::min(now_ns_, job->second));
  } else {
    ++outcome_.counts.failed;
  }
  client.running.erase(job);
  --client.in_flight;
  --in_flight_;
}

void Generator::refused(const Packet& packet) {
  if (outcome_.counts.refused++ > 0) return;
  outcome_.first_refusal = packet.body;
  std::ranges::replace(outcome_.first_refusal, '\0', ' ');
}

// Working.

void Generator::take(Worker& worker, const Packet& packet) {
  if (packet.type == PacketType::job_assign) {
    assigned(worker, packet);
  } else if (packet.type == PacketType::no_job) {
    no_job(worker);
  } else if (packet.type == PacketType::noop) {
    ++outcome_.counts.wakes;
    worker.was_woken = true;
    if (worker.state == Worker::State::asleep) grab(worker);
  } else if (packet.type == PacketType::echo_res) {
    const bool is_ready = worker.state == Worker::State::preparing;
    worker.state = is_ready ? Worker::State::asleep : Worker::State::done;
    ++(is_ready ? workers_ready_ : workers_done_);
  } else if (packet.type == PacketType::error) {
    refused(packet);
  }
}

void Generator::assigned(Worker& worker, const Packet& packet) {
  // The result is the workload where somebody waits for it.
  const std::string_view handle = first_argument(packet.body);
  std::string_view result;
  if (plan_.mode == Mode::foreground) {
    const std::size_t others =
        packet.body.size() - std::min(packet.body.size(), plan_.workload_bytes);
    result = packet.body.substr(others);
  }
  ++outcome_.counts.taken;
  worker.was_woken = false;
  append_packet(worker.out, Magic::req, PacketType::work_complete, {handle, result});
  --grabs_;
  grab(worker);
}

// A worker that has its share leaves when the server has heard its last result.
void Generator::grab(Worker& worker) {
  if (to_take_ == 0) {
    worker.state = Worker::State::leaving;
    append_packet(worker.out, Magic::req, PacketType::echo_req, {greeting});
    return;
  }
  if (to_take_ != no_limit) --to_take_;
  ++grabs_;
  worker.state = Worker::State::grabbing;
  append_packet(worker.out, Magic::req, PacketType::grab_job, {});
}

void Generator::no_job(Worker& worker) {
  if (std::exchange(worker.was_woken, false)) ++outcome_.counts.wakes_in_vain;
  if (to_take_ != no_limit) ++to_take_;
  --grabs_;
  if (is_closing_) {
    worker.state = Worker::State::done;
    ++workers_done_;
    return;
  }
  worker.state = Worker::State::asleep;
  append_packet(worker.out, Magic::req, PacketType::pre_sleep, {});
}

void Generator::flush(Worker& worker) {
  if (!worker.out.empty()) {
    if (!worker.link.send(worker.out)) return lost_connection();
    worker.out.clear();
  }
  watch_for_room(worker.link, worker.index, worker.waits_for_room);
}

// Both.

void Generator::watch_for_room(const Link& link, std::size_t index, bool& is_watched) {
  if (link.is_blocked() == is_watched) return;
  is_watched = link.is_blocked();
  epoll_event event{};
  event.events = EPOLLIN;
  if (is_watched) event.events |= EPOLLOUT;
  event.data.u64 = index;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, link.fd(), &event);
}

void Generator::lost_connection() {
  lost(End::connection_lost, "the server closed a connection");
}

void Generator::lost(End end, std::string_view why) {
  if (std::exchange(has_ended_, true)) return;
  outcome_.end = end;
  outcome_.why = why;
}

}  // namespace gman::cli::load
