// SPDX-License-Identifier: BSD-3-Clause
// Cutting a stream of bytes into packets, making requests of them, and building answers.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "protocol/framing.hpp"
#include "protocol/request.hpp"
#include "server/engine/effects.hpp"

namespace gman {
namespace {

constexpr std::size_t packets_per_read = 64;

std::string stream_of(PacketType type, std::initializer_list<std::string_view> args) {
  std::string bytes;
  for (std::size_t i = 0; i < packets_per_read; ++i) append_packet(bytes, Magic::req, type, args);
  return bytes;
}

void cuts_a_read_into_packets(benchmark::State& state) {
  const std::string workload(static_cast<std::size_t>(state.range(0)), 'x');
  const std::string bytes = stream_of(PacketType::submit_job_bg, {"bench", "", workload});
  for (auto _ : state) {
    std::string_view rest = bytes;
    while (const auto frame = *next_frame(rest)) rest.remove_prefix(frame->bytes);
    benchmark::DoNotOptimize(rest);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(packets_per_read));
}
BENCHMARK(cuts_a_read_into_packets)->Arg(64)->Arg(1024);

void makes_requests_of_packets(benchmark::State& state) {
  const std::string workload(64, 'x');
  const std::string bytes = stream_of(PacketType::submit_job_bg, {"bench", "unique-1", workload});
  for (auto _ : state) {
    std::string_view rest = bytes;
    while (const auto frame = *next_frame(rest)) {
      const auto request = parse_request(std::get<Packet>(frame->unit));
      benchmark::DoNotOptimize(request);
      rest.remove_prefix(frame->bytes);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(packets_per_read));
}
BENCHMARK(makes_requests_of_packets);

void builds_answers(benchmark::State& state) {
  Effects effects;
  for (auto _ : state) {
    for (std::size_t i = 0; i < packets_per_read; ++i) {
      effects.send(ConnId{1}, JobCreated{"H:host:1234567"});
    }
    benchmark::DoNotOptimize(effects.list());
    effects.clear();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(packets_per_read));
}
BENCHMARK(builds_answers);

}  // namespace
}  // namespace gman
