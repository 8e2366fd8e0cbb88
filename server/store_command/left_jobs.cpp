// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/left_jobs.hpp"

#include <memory>
#include <utility>

#include "base/secret.hpp"
#include "server/store_command/left_queue.hpp"

namespace gman {
namespace {

std::string for_shell(const std::string& word) {
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-@%+=,";
  if (!word.empty() && word.find_first_not_of(plain) == word.npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace

std::variant<std::optional<LeftJobs>, StoreFault> find_left_jobs(Store& store,
                                                                 const std::string& store_url,
                                                                 const std::string& from,
                                                                 const std::string& table) {
  auto opened = open_left_queue(from, table);
  if (auto* failed = std::get_if<StoreFault>(&opened)) return std::move(*failed);
  if (std::holds_alternative<NoLeftQueue>(opened)) return std::nullopt;
  LeftQueue& queue = *std::get<std::unique_ptr<LeftQueue>>(opened);
  auto jobs = queue.jobs();
  if (auto* failed = std::get_if<StoreFault>(&jobs)) return std::move(*failed);
  if (std::get<std::uint64_t>(jobs) == 0) return std::nullopt;
  auto identity = queue.identity();
  if (auto* failed = std::get_if<StoreFault>(&identity)) return std::move(*failed);
  auto earlier = store.find_import(std::get<std::string>(identity));
  if (auto* failed = std::get_if<StoreFault>(&earlier)) return std::move(*failed);
  const auto& import = std::get<std::optional<StoreImport>>(earlier);
  LeftJobs left{.queue = queue.name(),
                .jobs = std::get<std::uint64_t>(jobs),
                .imported = import && import->jobs ? import->since : "",
                .import_command = "gmand store import " + for_shell(without_password(store_url)) +
                                  " --from " + for_shell(without_password(from)) + " --table " +
                                  for_shell(table)};
  if (import && !import->jobs) left.import_command += " --again";
  return left;
}

}  // namespace gman
