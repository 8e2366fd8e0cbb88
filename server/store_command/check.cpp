// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/check.hpp"

#include <cstdio>
#include <memory>
#include <string_view>
#include <variant>

#include "server/store/store.hpp"
#include "server/store_command/check_sqlite.hpp"
#include "server/store_command/progress.hpp"
#include "server/store_command/report.hpp"

namespace gman {
namespace {

StoreCommandEnd check(Store& store) {
  StoreReport report;
  Progress progress("reading the jobs");
  StoreSight sight;
  const auto failed = store.look(
      sight,
      [&](const JobRecord& job) {
        report.count(job);
        progress.at(report.jobs());
      },
      [&](JobNumber number, const std::string& why) {
        report.complain("job " + std::to_string(number) + ": " + why);
      });
  if (failed && failed->kind != StoreFault::Kind::damaged) {
    std::fprintf(stderr, "gmand store check: %s\n", failed->text.c_str());
    return StoreCommandEnd::mistake;
  }
  if (failed) report.complain(failed->text + "; there may be more");
  for (const StoreStart& start : sight.starts) report.add_start(start.number, start.handle_prefix);
  report.set_aside(sight.set_aside);
  if (!failed) report.complain_of_missing_starts();
  if (!sight.holder.empty()) {
    std::printf("a server has it; this is how it is now: %s\n", sight.holder.c_str());
  }
  report.print(store.name());
  if (report.is_sound()) return StoreCommandEnd::good;
  std::printf(
      "A server that starts sets damaged jobs aside and goes on with the others. `gmand store "
      "salvage` saves what can be read into another store.\n");
  return StoreCommandEnd::damaged;
}

}  // namespace

StoreCommandEnd check_store(const std::string& url) {
#ifdef GMAN_STORE_SQLITE
  constexpr std::string_view file = "sqlite:";
  if (url.starts_with(file) && url.size() > file.size()) {
    return check_sqlite(url.substr(file.size()));
  }
#endif
  auto store = open_store(url);
  if (const auto* failed = std::get_if<StoreFault>(&store)) {
    std::fprintf(stderr, "gmand store check: %s\n", failed->text.c_str());
    return StoreCommandEnd::mistake;
  }
  return check(*std::get<std::unique_ptr<Store>>(store));
}

}  // namespace gman
