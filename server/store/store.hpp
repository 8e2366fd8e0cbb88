// SPDX-License-Identifier: BSD-3-Clause
// Store: where background jobs outlive the process. One interface; each store passes the tests of
// tests/unit/store/conformance.hpp.
//
// A store is used by one thread at a time, and may wait for disks and networks: the server opens
// and loads it before it listens, and from then on its writer's thread has it (writer.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/engine/job_record.hpp"

namespace gman {

/// What went wrong, for people: what, where and what to do. The kind says what the server does.
struct StoreFault {
  enum class Kind : std::uint8_t {
    unavailable,  ///< out of reach, or locked; trying again may help
    full,         ///< no room; trying again helps once there is some
    failing,      ///< a write or an fsync failed: nothing that was written since can be trusted
    damaged,      ///< what is stored is not what was stored
    refused,      ///< whoever set it up must act: another server has it, wrong version, no rights
    fenced,       ///< another server has begun since: for this one it is over, for good
  };
  Kind kind;
  std::string text;
};

/// One start of a server on this store, since the store was made.
struct StoreStart {
  std::uint32_t number;       ///< from 1; the high bits of the job numbers of this start
  std::string handle_prefix;  ///< of the handles that it gave out
};

/// What `gmand store import` has taken over.
struct StoreImport {
  std::string since;                  ///< in words
  std::optional<std::uint64_t> jobs;  ///< nullopt: it did not come to its end
};

/// What can be seen of a store beside its jobs.
struct StoreSight {
  std::string holder;  ///< the server that has it, in words; empty: none
  std::vector<StoreStart> starts;
  std::uint64_t set_aside = 0;  ///< jobs that were not read back as they were written
};

class Store {
 public:
  virtual ~Store() = default;
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// For the log: which store, and where; no password.
  [[nodiscard]] virtual std::string name() const = 0;

  /// Makes it this server's alone, notes the new start durably, and forgets starts of which no job
  /// is left. All starts that are known, this one last.
  [[nodiscard]] virtual std::variant<std::vector<StoreStart>, StoreFault> begin(
      std::string_view handle_prefix) = 0;

  /// What the administrator should know about it, for the log: less than `sync` is promised, say.
  [[nodiscard]] virtual std::vector<std::string> warnings() { return {}; }

  /// How many jobs there are, about: for progress in the log.
  [[nodiscard]] virtual std::uint64_t jobs_about() = 0;
  /// Every job, in the order of numbers. The record's texts live until `take` returns. A record
  /// that is not what was stored is set aside under its number, and `set_aside` is told why.
  using Take = std::function<void(const JobRecord&)>;
  using SetAside = std::function<void(JobNumber, const std::string& why)>;
  [[nodiscard]] virtual std::optional<StoreFault> load(const Take& take,
                                                       const SetAside& set_aside) = 0;

  /// The jobs with these numbers, in any order, while others are added and removed: each is taken,
  /// or, where it is not there or not what was stored, told to `set_aside`. What is damaged has
  /// been set aside then, if that could be done. After a fault, what was not told of may be asked
  /// for again.
  [[nodiscard]] virtual std::optional<StoreFault> fetch(std::span<const JobNumber> numbers,
                                                        const Take& take,
                                                        const SetAside& set_aside) = 0;

  /// All of it is durable when there is no fault. After a fault all of it or nothing is, so that
  /// the same changes may be given again: adding a number that is there does nothing, and so does
  /// removing or requeueing one that is not.
  [[nodiscard]] virtual std::optional<StoreFault> commit(const JobChanges& changes) = 0;
  /// Does what can be done of these changes before the next commit(), which makes them durable
  /// together with its own: of none of them is anything to be seen before. False: nothing has been
  /// done, not of earlier ones either, and the next commit() must be given all of them.
  [[nodiscard]] virtual bool prepare(const JobChanges& changes) {
    static_cast<void>(changes);
    return false;
  }

  /// Another server can begin while this one has it, after a cut. Then it is to be asked now and
  /// then whether it is still this one's: `fenced`, if it is not.
  [[nodiscard]] virtual bool can_be_taken() const { return false; }
  [[nodiscard]] virtual std::optional<StoreFault> keep() { return std::nullopt; }

  /// The last import from `source`; nullopt: there was none.
  using FoundImport = std::variant<std::optional<StoreImport>, StoreFault>;
  [[nodiscard]] virtual FoundImport find_import(const std::string& source) = 0;
  /// Durably: that one begins, and, with `jobs`, that it has come to its end.
  [[nodiscard]] virtual std::optional<StoreFault> note_import(
      const std::string& source, std::optional<std::uint64_t> jobs) = 0;

  /// For who looks at it from outside: instead of begin(), whether or not a server has it, and
  /// nothing is changed. Holder and starts are there before the first job is taken; `damaged` is
  /// told of what is not what was stored. After a fault, what was taken by then is all there is.
  [[nodiscard]] virtual std::optional<StoreFault> look(StoreSight& sight, const Take& take,
                                                       const SetAside& damaged) = 0;

  /// After a fault of kind `failing`: what is committed from now on goes to a new, empty place, and
  /// the old one is left as it is. May be called again, and begins again.
  [[nodiscard]] virtual std::optional<StoreFault> start_over() {
    return StoreFault{StoreFault::Kind::refused, "this store cannot be written anew"};
  }
  /// The new place takes the old one's, durably. Jobs whose workloads were left out, and are not in
  /// the old place as they were stored, are set aside in the new one.
  [[nodiscard]] virtual std::optional<StoreFault> finish_starting_over(const SetAside&) {
    return std::nullopt;
  }
};

using OpenedStore = std::variant<std::unique_ptr<Store>, StoreFault>;

/// By what comes before the colon of `url`: "sqlite:/path".
[[nodiscard]] OpenedStore open_store(std::string_view url);

}  // namespace gman
