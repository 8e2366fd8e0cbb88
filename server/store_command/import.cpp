// SPDX-License-Identifier: BSD-3-Clause
// A queue is imported once: the store notes from where, before the first job is written. Without
// that note, a second import would run again what was done in between. Whoever says --again, after
// an import that was cut short, gets only what does not wait in the store by now.
#include "server/store_command/import.hpp"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/store.hpp"
#include "server/store_command/left_queue.hpp"
#include "server/store_command/progress.hpp"
#include "server/store_command/taken_over.hpp"

namespace gman {
namespace {

using Fault = std::optional<StoreFault>;

unsigned long long printed(std::uint64_t number) {
  return number;
}

class Import {
 public:
  Import(const ImportWords& words, LeftQueue& queue, Store& store)
      : words_(words), queue_(queue), store_(store), jobs_(store, "import") {}

  StoreCommandEnd run() {
    if (const auto failed = prepare()) return refuse(failed->text);
    if (const auto failed = take_all()) {
      return refuse(failed->text + "\n" + std::to_string(jobs_.count()) +
                    " jobs are in the store; the same command with --again adds the others");
    }
    std::printf("imported %llu jobs from %s\n", printed(jobs_.count()), queue_.name().c_str());
    if (delayed_ != 0) std::printf("of these, run at a later time: %llu\n", printed(delayed_));
    if (left_out_ != 0) {
      std::printf("left out, because the store has them: %llu\n", printed(left_out_));
    }
    if (odd_ != 0) {
      std::printf("with a priority that gearmand does not have, taken as normal: %llu\n",
                  printed(odd_));
    }
    std::printf("That queue is as it was, and gearmand must not be started on it again.\n");
    return StoreCommandEnd::good;
  }

 private:
  static StoreCommandEnd refuse(const std::string& why) {
    std::fprintf(stderr, "gmand store import: %s\n", why.c_str());
    return StoreCommandEnd::mistake;
  }

  Fault prepare() {
    auto identity = queue_.identity();
    if (auto* failed = std::get_if<StoreFault>(&identity)) return std::move(*failed);
    source_ = std::get<std::string>(std::move(identity));
    if (auto failed = jobs_.begin()) return failed;
    const auto earlier = store_.find_import(source_);
    if (const auto* failed = std::get_if<StoreFault>(&earlier)) return *failed;
    if (const auto& found = std::get<std::optional<StoreImport>>(earlier); found && !words_.again) {
      const std::string end = found->jobs ? ", " + std::to_string(*found->jobs) + " jobs"
                                          : ", and did not come to its end";
      return StoreFault{StoreFault::Kind::refused,
                        queue_.name() + " was imported before: " + found->since + end +
                            "\nwith --again, what does not wait in the store now is imported; "
                            "what was done since then would run a second time"};
    }
    if (const std::string users = queue_.users(); !users.empty()) {
      std::fprintf(stderr,
                   "gmand store import: warning: %s: in use by %s; a gearmand that goes on with it "
                   "runs these jobs as well\n",
                   queue_.name().c_str(), users.c_str());
    }
    if (auto failed = store_.load(
            [&](const JobRecord& job) {
              known_.insert(key_of(job.function, job.unique, job.workload));
            },
            [](JobNumber, const std::string&) {})) {
      return failed;
    }
    return store_.note_import(source_, std::nullopt);
  }

  Fault take_all() {
    Progress progress("importing jobs");
    if (auto failed = queue_.read([&](const LeftJob& job) {
          progress.at(jobs_.count());
          return take(job);
        })) {
      return failed;
    }
    if (auto failed = jobs_.commit()) return failed;
    return store_.note_import(source_, jobs_.count());
  }

  Fault take(const LeftJob& left) {
    const bool is_known = known_.contains(key_of(left.function, left.unique, left.workload));
    // Jobs without a unique may be equal, and still be two.
    if (is_known && (has_unique(left.unique) || words_.again)) {
      ++left_out_;
      return std::nullopt;
    }
    const bool is_odd = left.priority < 0 || left.priority >= std::int64_t{priority_count};
    JobRecord job{.priority = is_odd ? Priority::normal : static_cast<Priority>(left.priority),
                  .function = left.function,
                  .unique = left.unique,
                  .workload = left.workload};
    if (left.when_to_run > 0) job.due_ms = left.when_to_run * 1000;
    odd_ += is_odd ? 1 : 0;
    delayed_ += job.due_ms ? 1 : 0;
    return jobs_.add(job);
  }

  /// "-" stands for the workload.
  static bool has_unique(std::string_view unique) { return !unique.empty(); }
  static std::string key_of(std::string_view function, std::string_view unique,
                            std::string_view workload) {
    std::string key(function);
    key.append(1, '\0').append(unique);
    if (unique.empty() || unique == "-") key.append(1, '\0').append(workload);
    return key;
  }

  const ImportWords& words_;
  LeftQueue& queue_;
  Store& store_;
  TakenOver jobs_;
  std::string source_;
  std::set<std::string, std::less<>> known_;
  std::uint64_t delayed_ = 0;
  std::uint64_t left_out_ = 0;
  std::uint64_t odd_ = 0;
};

}  // namespace

StoreCommandEnd import_queue(const ImportWords& words) {
  const auto refuse = [](const std::string& why) {
    std::fprintf(stderr, "gmand store import: %s\n", why.c_str());
    return StoreCommandEnd::mistake;
  };
  auto queue = open_left_queue(words.from, words.table);
  if (const auto* failed = std::get_if<StoreFault>(&queue)) return refuse(failed->text);
  if (const auto* none = std::get_if<NoLeftQueue>(&queue)) return refuse(none->text);
  auto store = open_store(words.to);
  if (const auto* failed = std::get_if<StoreFault>(&store)) return refuse(failed->text);
  return Import(words, *std::get<std::unique_ptr<LeftQueue>>(queue),
                *std::get<std::unique_ptr<Store>>(store))
      .run();
}

}  // namespace gman
