// SPDX-License-Identifier: BSD-3-Clause
// From a file to a file is salvage_sqlite.cpp, which finds its way around damaged pages and keeps
// numbers and handles. Whatever else goes from one store to another goes by what each store can
// do: the jobs get new numbers, in the order in which they are queued, and so new handles.
#include "server/store_command/salvage.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/in_order.hpp"
#include "server/store/store.hpp"
#include "server/store_command/progress.hpp"
#include "server/store_command/salvage_sqlite.hpp"
#include "server/store_command/taken_over.hpp"

namespace gman {
namespace {

using Fault = std::optional<StoreFault>;

StoreCommandEnd refuse(const std::string& why) {
  std::fprintf(stderr, "gmand store salvage: %s\n", why.c_str());
  return StoreCommandEnd::mistake;
}

class Salvage {
 public:
  Salvage(Store& from, Store& into) : from_(from), into_(into), jobs_(into, "salvage") {}

  StoreCommandEnd run() {
    InOrder in_order(0, [this](const JobRecord& job) { save(job); });
    const auto unread = from_.look(
        sight_, [&](const JobRecord& job) { in_order.take(job); },
        [&](JobNumber number, const std::string& why) {
          lost_.push_back("job " + std::to_string(number) + ": " + why);
        });
    if (!sight_.holder.empty()) {
      return refuse(from_.name() + " is in use by a server, " + sight_.holder + ": end that first");
    }
    if (unread && unread->kind != StoreFault::Kind::damaged) return refuse(unread->text);
    if (unread) lost_.push_back(unread->text + "; what came after that could not be read");
    in_order.finish();
    begin();
    if (!failed_) failed_ = jobs_.commit();
    if (!failed_) failed_ = into_.note_import(source(), jobs_.count());
    if (failed_) {
      return refuse(failed_->text + "\n" + std::to_string(jobs_.count()) + " jobs are in " +
                    into_.name() + ": remove what is there before you try it again");
    }
    report();
    return lost_.empty() ? StoreCommandEnd::good : StoreCommandEnd::damaged;
  }

 private:
  [[nodiscard]] std::string source() const { return "salvage of " + from_.name(); }

  /// The new store, which is not touched before it is known that nobody has the old one.
  void begin() {
    if (has_begun_ || failed_) return;
    has_begun_ = true;
    failed_ = jobs_.begin();
    if (!failed_ && into_.jobs_about() != 0) {
      failed_ = StoreFault{StoreFault::Kind::refused,
                           into_.name() + " has jobs already: name a new store by --to"};
    }
    if (!failed_) failed_ = into_.note_import(source(), std::nullopt);
  }

  void save(JobRecord job) {
    if (!sight_.holder.empty()) return;
    begin();
    if (!failed_) failed_ = jobs_.add(job);
    progress_.at(jobs_.count());
  }

  void report() const {
    std::printf("saved %llu jobs to %s\n", static_cast<unsigned long long>(jobs_.count()),
                into_.name().c_str());
    for (const std::string& what : lost_) std::printf("damaged: %s\n", what.c_str());
    if (lost_.empty()) std::printf("nothing was damaged\n");
    if (sight_.set_aside != 0) {
      std::printf("Jobs that were set aside before are still where they were: %llu\n",
                  static_cast<unsigned long long>(sight_.set_aside));
    }
    std::printf("%s is as it was. The saved jobs have new handles. Let no server begin on both.\n",
                from_.name().c_str());
  }

  Store& from_;
  Store& into_;
  TakenOver jobs_;
  StoreSight sight_;
  Progress progress_{"saving jobs"};
  std::vector<std::string> lost_;
  Fault failed_;
  bool has_begun_ = false;
};

}  // namespace

StoreCommandEnd salvage_store(const std::string& url, const std::string& to) {
  constexpr std::string_view file = "sqlite:";
#ifdef GMAN_STORE_SQLITE
  const bool is_url = to.find("://") != to.npos;
  if (url.starts_with(file) && url.size() > file.size() && !is_url) {
    const std::string path = url.substr(file.size());
    if (to.empty()) return salvage_sqlite(path, path + ".salvaged");
    return salvage_sqlite(path, to.starts_with(file) ? to.substr(file.size()) : to);
  }
#endif
  if (to.empty()) return refuse("--to is to name the new store, such as sqlite:/path/to/file");
  auto from = open_store(url);
  if (const auto* failed = std::get_if<StoreFault>(&from)) return refuse(failed->text);
  auto into = open_store(to.find(':') == to.npos ? std::string(file) + to : to);
  if (const auto* failed = std::get_if<StoreFault>(&into)) return refuse(failed->text);
  return Salvage(*std::get<std::unique_ptr<Store>>(from), *std::get<std::unique_ptr<Store>>(into))
      .run();
}

}  // namespace gman
