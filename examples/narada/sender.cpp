// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/sender.hpp"

namespace gman::narada {
namespace {

std::unique_ptr<Client> connect(const std::string& servers) {
  return std::make_unique<Client>(ClientSettings{.servers = servers});
}

}  // namespace

Sender::Sender(const std::string& servers)
    : clients_([servers]() -> Result<std::unique_ptr<Client>> { return connect(servers); }) {
  clients_.give_back(connect(servers));  // so that a wrong list is found now
}

Result<void> Sender::send(std::string_view function, std::string_view workload) {
  auto client = clients_.take();
  if (!client) return client.error();
  const auto answer =
      (*client)->run({.function = function, .workload = workload, .background = true});
  clients_.give_back(std::move(*client));
  if (const auto* error = std::get_if<Error>(&answer)) {
    const std::string message = "job server: " + error->message;
    return error->code == client_errc::invalid_argument ? Trouble::lasting(message)
                                                        : Trouble::passing(message);
  }
  return {};
}

}  // namespace gman::narada
