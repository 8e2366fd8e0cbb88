// SPDX-License-Identifier: BSD-3-Clause
// What gman.h offers beside a single job, on the command line, for tests with real job servers.
//
//   gman_abi_peer SERVERS run FUNCTION DEADLINE_MS WORKLOAD…
//                                                 many foreground jobs; "u=w" is the workload w
//                                                 with the unique u
//   gman_abi_peer SERVERS admin NUMBER LINE       an admin command to a server of the list
//   gman_abi_peer SERVERS unique UNIQUE           the status of a job by its unique
//   gman_abi_peer SERVERS servers                 pings each, then says what is known of it
//
// Prints the call's status and message, then a line for each job or server, or the answer.
#include <gman/gman.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/blocking/poll_driver.hpp"

namespace {

using Words = std::span<char*>;

struct Free {
  void operator()(gman_client* client) const { gman_client_free(client); }
};
using Client = std::unique_ptr<gman_client, Free>;

gman_bytes bytes(std::string_view text) {
  return {text.data(), text.size()};
}

std::string text(gman_bytes from) {
  return {from.data, from.size};
}

gman_status finish(const Client& client, gman_status started) {
  const gman_status status = gman::drive(client.get(), started, {});
  std::printf("%s %s\n", gman_status_name(status), gman_error_get(client.get())->message);
  return status;
}

void run(const Client& client, Words words) {
  const gman_job common{.function = bytes(words[0]), .deadline_ms = std::atoi(words[1])};
  std::vector<gman_job_part> parts;
  for (const std::string_view word : words.subspan(2)) {
    const std::size_t equals = word.find('=');
    const bool has_unique = equals != std::string_view::npos;
    parts.push_back({bytes(has_unique ? word.substr(0, equals) : ""),
                     bytes(has_unique ? word.substr(equals + 1) : word)});
  }
  finish(client, gman_start_jobs(client.get(), &common, parts.data(), parts.size()));
  std::size_t count = 0;
  const gman_job_outcome* jobs = gman_job_outcomes(client.get(), &count);
  for (const gman_job_outcome& job : std::span(jobs, count)) {
    std::printf("%s %s%s\n", gman_status_name(job.status), text(job.data).c_str(), job.message);
  }
}

void ask(const Client& client, gman_query_kind kind, std::size_t server, const char* about) {
  const gman_query query{.kind = kind, .server = server, .text = bytes(about), .deadline_ms = 0};
  finish(client, gman_start_query(client.get(), &query));
}

void admin(const Client& client, Words words) {
  ask(client, GMAN_QUERY_ADMIN, static_cast<std::size_t>(std::atoi(words[0])), words[1]);
  std::printf("%s\n", text(gman_result(client.get())->data).c_str());
}

void unique(const Client& client, Words words) {
  ask(client, GMAN_QUERY_STATUS_UNIQUE, 0, words[0]);
  const gman_result_data& result = *gman_result(client.get());
  std::printf("known %d running %d clients %u\n", result.known, result.running, result.clients);
}

void servers(const Client& client) {
  for (std::size_t number = 1; number <= gman_server_count(client.get()); ++number) {
    ask(client, GMAN_QUERY_PING, number, "");
    gman_server_data known;
    gman_server_get(client.get(), number, &known);
    std::printf("%s connected %d cooling off %d %s\n", known.name, known.connected,
                known.cooling_off_ms > 0 ? 1 : 0, known.last_error);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Words words(argv + 1, static_cast<std::size_t>(argc - 1));
  if (words.size() < 2) return 2;
  gman_settings settings;
  gman_settings_default(&settings);
  settings.servers = words[0];
  std::array<char, 200> message{};
  const Client client(gman_client_new(&settings, message.data(), message.size()));
  if (!client) {
    std::fprintf(stderr, "%s\n", message.data());
    return 2;
  }
  const std::string_view verb = words[1];
  const Words rest = words.subspan(2);
  if (verb == "run" && rest.size() > 2) {
    run(client, rest);
  } else if (verb == "admin" && rest.size() == 2) {
    admin(client, rest);
  } else if (verb == "unique" && rest.size() == 1) {
    unique(client, rest);
  } else if (verb == "servers" && rest.empty()) {
    servers(client);
  } else {
    return 2;
  }
  return 0;
}
