// SPDX-License-Identifier: BSD-3-Clause
// Generator: submits jobs, and works on them, as fast as a server lets it.
//
// One thread, one epoll set, one read and one write per connection and turn. Submits are cut from a
// block of packets that was built before the clock starts, so that on a core of its own it asks for
// more than a server can do.
//
// A run: every connection is there and every worker has told what it can do; the clock starts;
// jobs are submitted until there were enough of them or the time is over; what is on its way is
// waited for; where our workers take background jobs, the queue is emptied; the clock stops.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/load/link.hpp"
#include "cli/load/plan.hpp"

namespace gman::cli::load {

class Generator {
 public:
  /// What a live line shows: the outcome so far, a few times a second.
  using Watch = std::function<void(const Outcome&)>;

  /// Requires: as many sockets as the plan has connections and workers.
  Generator(const Plan& plan, std::vector<Descriptor> clients, std::vector<Descriptor> workers);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  [[nodiscard]] Outcome run(const Watch& watch);

 private:
  struct Client;
  struct Worker;

  [[nodiscard]] bool prepare_workers();
  void start();
  [[nodiscard]] bool turn();
  void ready(std::size_t index, std::uint32_t events);
  void time_is_over();
  void close_when_submitted();
  [[nodiscard]] bool is_finished() const;

  void refill(Client& client);
  void take(Client& client, const Packet& packet);
  void submit_answered(Client& client, const Packet& packet);
  void job_ended(Client& client, std::string_view handle, bool is_answered);

  void take(Worker& worker, const Packet& packet);
  void assigned(Worker& worker, const Packet& packet);
  void grab(Worker& worker);
  void no_job(Worker& worker);
  void flush(Worker& worker);

  void refused(const Packet& packet);
  void watch_for_room(const Link& link, std::size_t index, bool& is_watched);
  void lost_connection();
  void lost(End end, std::string_view why);
  void number_uniques(std::size_t packets);

  const Plan plan_;
  Outcome outcome_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::string scratch_;

  std::string block_;  ///< submits, one behind the other, all alike but for their uniques
  std::size_t packet_bytes_ = 0;
  std::size_t block_packets_ = 0;
  std::size_t unique_digits_at_ = 0;  ///< in a packet
  std::uint64_t unique_number_ = 0;

  std::uint64_t to_submit_ = 0;
  std::uint64_t in_flight_ = 0;  ///< submits without an answer, or foreground jobs without result
  std::uint64_t to_take_ = no_limit;
  std::uint64_t grabs_ = 0;  ///< without an answer
  std::size_t workers_ready_ = 0;
  std::size_t workers_done_ = 0;
  bool is_started_ = false;
  bool is_closing_ = false;  ///< nothing more is submitted: who finds no job is done
  bool has_ended_ = false;

  std::uint64_t now_ns_ = 0;
  std::uint64_t heard_at_ns_ = 0;
};

}  // namespace gman::cli::load
