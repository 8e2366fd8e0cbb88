// SPDX-License-Identifier: BSD-3-Clause
// Model: what must come out of the engine, said by something too simple to be wrong: plain maps
// that are searched from end to end, no index, no list, no timer.
//
// It is told each event and what the engine sent because of it, and says what had to be sent, byte
// for byte and in order. It leaves four things free, and checks what is left of them: which of
// several functions a worker is served, which sleeper is woken, which of several jobs with one
// unique a STATUS_RES_UNIQUE speaks of, and how much memory a job takes beside its bytes.
//
// A new kind of request is one more `on` here, and a few lines where peers send it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/admin.hpp"
#include "protocol/extended.hpp"
#include "protocol/response.hpp"
#include "server/engine/engine.hpp"
#include "tests/sim/failure.hpp"

namespace gman::sim {

/// How late a tick may come after the engine's deadline: a server has other things to do.
inline constexpr milliseconds tick_lateness_max{20};

/// One thing that the engine did: a packet to a connection, or that connection's close.
struct Happened {
  ConnId conn;
  std::string packet;  ///< empty: a close
  std::optional<CloseReason> reason{};
  bool when_stored = false;

  friend bool operator==(const Happened&, const Happened&) = default;
};

struct ModelJob {
  enum class State : std::uint8_t { storing, scheduled, queued, running };

  std::string handle, function, unique, workload, reducer;
  Priority priority{};
  bool is_background = false;
  bool is_cancelled = false;
  bool has_key = true;  ///< no newer job took it
  std::uint32_t attempts_lost = 0;
  std::vector<ConnId> clients{};  ///< one entry a wait
  State state = State::queued;
  std::uint64_t queued_as = 0;           ///< its place in the order of all queueing
  std::uint64_t started_as = 0;          ///< its place in the order of all starts
  ConnId worker{};                       ///< of a running job
  std::optional<std::int64_t> due_ms{};  ///< of one that is to wait for its time
  std::uint64_t batch = 0;               ///< of one that is being stored
  std::uint64_t position = 0;            ///< in the order of all coming and coming again
  bool is_stored = false;
  bool is_awaited = false;         ///< its workload is asked for, and has not come
  std::optional<Instant> alarm{};  ///< of both
  std::uint64_t alarm_set_as = 0;
  std::string numerator{}, denominator{};
};

/// How a job came to its end.
enum class Outcome : std::uint8_t {
  completed,
  failed,
  raised,
  cancelled,
  used_up,
  left_alone,
  not_stored,  ///< and nobody was told that it was
  lost,        ///< the store has lost its workload
  died,        ///< with its server, and was not to be stored
};

class Model {
 public:
  explicit Model(EngineSettings settings) : settings_(std::move(settings)) {}

  void connected(ConnId conn) { peers_[conn] = {}; }
  /// What the engine has done because of the event that comes next, without its NOOPs.
  void witnessed(std::vector<Happened> happened) { happened_ = std::move(happened); }
  void noop(ConnId conn, Now now);

  void handle(ConnId conn, const Request& request, Now now);
  void disconnected(ConnId conn, Now now);
  void tick(Now now);
  /// Other limits hold from now on.
  void change(EngineSettings settings);
  /// From now on nobody is given a job, and nobody is woken.
  void stop_assigning() { assigns_ = false; }

  // The store. `restarted`: the server died, and a new one has begun with what is stored.
  void given_to_store(std::uint64_t batch, const JobChanges& changes);
  void stored(std::uint64_t batch, Now now);
  void give_up_storing();
  void set_store_fault(std::string text) { store_fault_ = std::move(text); }
  /// Workloads that the engine has asked for because of the event before; one that has come, or is
  /// lost.
  void wanted(const std::vector<JobNumber>& numbers);
  void fetched(JobNumber number);
  void lost(JobNumber number);
  void restarted(EngineSettings settings, bool last_batch_is_stored, Now now);
  /// Of a job whose background submit was acknowledged: it is stored if it is to be.
  [[nodiscard]] bool is_promise_kept(const std::string& handle) const;
  /// The answer of an admin command; rows of lists are compared without their order.
  void admin(const AdminCommand& command, const std::string& answer, Now now);

  /// What had to happen since the last call.
  [[nodiscard]] std::vector<Happened> take_expected() { return std::exchange(expected_, {}); }
  /// The laws that hold between any two events, so far as the model can see them.
  void check(const Engine& engine, Now now) const;

  [[nodiscard]] const std::map<std::string, ModelJob>& jobs() const { return jobs_; }
  [[nodiscard]] const std::map<std::string, Outcome>& outcomes() const { return outcomes_; }
  /// It had ended before a restart, which did not know of its end.
  [[nodiscard]] bool is_done_again(const std::string& handle) const {
    return done_again_.contains(handle);
  }
  /// Handles of all jobs that were made for a unique as relays make them, the oldest first.
  [[nodiscard]] std::vector<std::string> jobs_made_for(std::string_view unique) const;
  /// A running job of this worker, if it has any.
  [[nodiscard]] const ModelJob* job_of(ConnId worker) const;

 private:
  struct Peer {
    enum class Sleep : std::uint8_t { awake, asleep, woken } sleep = Sleep::awake;
    Instant woken_at{};
    std::map<std::string, std::uint32_t, std::less<>> abilities{};  ///< with their limits in ms
    bool wants_exceptions = false;
    bool has_unique_window = false;
    std::set<PacketType> extensions{};
    std::string raised{};  ///< its last job that ended by an exception
  };
  using State = ModelJob::State;

  void on(ConnId who, const SubmitJob& r, Now now);
  void on(ConnId who, const GrabJob& r, Now now);
  void on(ConnId who, const PreSleep&, Now);
  void on(ConnId who, const WorkComplete& r, Now now);
  void on(ConnId who, const WorkStatus& r, Now now);
  void on(ConnId who, const WorkFail& r, Now now);
  void on(ConnId who, const WorkException& r, Now now);
  void on(ConnId who, const WorkData& r, Now now);
  void on(ConnId who, const WorkWarning& r, Now now);
  void on(ConnId who, const GetStatus& r, Now);
  void on(ConnId who, const GetStatusUnique& r, Now);
  void on(ConnId who, const CanDo& r, Now);
  void on(ConnId who, const CantDo& r, Now);
  void on(ConnId who, const ResetAbilities&, Now);
  void on(ConnId, const AllYours&, Now) {}
  void on(ConnId, const SetClientId&, Now) {}
  void on(ConnId who, const EchoReq& r, Now);
  void on(ConnId who, const OptionReq& r, Now);
  void on(ConnId who, const ExtendedRequest& r, Now now);
  template <class Unknown>
  void on(ConnId, const Unknown&, Now) {
    throw Failure("the model has no rule for this kind of request");
  }

  [[nodiscard]] bool remembers_uniques() const {
    return settings_.unique_window_max > 0 && settings_.unique_window > milliseconds(0);
  }
  void remember(const std::string& unique);
  [[nodiscard]] bool is_remembered(std::string_view unique);
  void forget_uniques(std::size_t count_max);
  void submit_many(ConnId who, std::string_view body, Now now);
  void refuse(ConnId who, const ExtendedFault& fault);
  /// What the engine has sent where the next thing must be that the model expects.
  [[nodiscard]] Response next_answer(std::string_view to) const;

  void expect(ConnId who, const Response& response);
  void expect_when_stored(ConnId who, const Response& response);
  void expect_error(ConnId who, std::string_view code, std::string_view text);
  [[nodiscard]] bool knows_function(std::string_view function) const {
    return functions_.contains(function);
  }
  [[nodiscard]] bool has_room_for_function() const {
    return functions_.size() < settings_.functions_max;
  }
  [[nodiscard]] std::uint32_t queue_max(std::string_view function, Priority priority) const;
  [[nodiscard]] std::uint64_t count(std::string_view function, State state) const;
  [[nodiscard]] std::uint64_t all_waiting() const;
  /// What the texts of all jobs come to, without what the engine needs to keep them.
  [[nodiscard]] std::uint64_t text_bytes() const;
  void require_no_room(const SubmitJob& r) const;
  [[nodiscard]] std::uint64_t waiting(std::string_view function) const;
  [[nodiscard]] bool is_durable(std::string_view function) const {
    return settings_.has_store && !settings_.memory_functions.contains(function);
  }
  /// The first one in the queue of this job, which is queued, waits for its workload.
  [[nodiscard]] bool is_behind_one_awaited(const ModelJob& job) const;
  [[nodiscard]] ModelJob* find(JobNumber number);
  void store(ModelJob& job);
  void place(ModelJob& job, Now now);
  void requeue(ModelJob& job);
  void apply_given();
  [[nodiscard]] std::uint64_t workers(std::string_view function) const;
  [[nodiscard]] ModelJob* find(std::string_view function, std::string_view unique,
                               std::string_view workload);
  [[nodiscard]] ModelJob* run_of(ConnId who, std::string_view handle, std::string_view refusal);
  [[nodiscard]] static bool is_wanted(const ModelJob& job) {
    return !job.is_cancelled && (job.is_background || !job.clients.empty());
  }
  void enqueue(ModelJob& job);
  void set_alarm(ModelJob& job, Instant at);
  void set_schedule_alarm(ModelJob& job, Now now);
  void tell(const ModelJob& job, const Response& response);
  void end(ModelJob& job, Outcome outcome);
  void fail(ModelJob& job, Outcome outcome);
  void lose_worker(ModelJob& job);

  template <class Command>
  void admin_answered(const Command&, const std::string&, Now) {}
  void admin_answered(const AdminCancelJob& command, const std::string& answer, Now);
  void admin_answered(const AdminCreateFunction& command, const std::string& answer, Now);
  void admin_answered(const AdminDropFunction& command, const std::string& answer, Now);
  void admin_answered(const AdminMaxQueue& command, const std::string& answer, Now);
  void admin_answered(const AdminStatus&, const std::string& answer, Now);
  void admin_answered(const AdminPriorityStatus&, const std::string& answer, Now);
  void admin_answered(const AdminShowJobs&, const std::string& answer, Now);
  void admin_answered(const AdminShowUniqueJobs&, const std::string& answer, Now);

  EngineSettings settings_;
  std::map<ConnId, Peer> peers_;
  std::set<std::string, std::less<>> functions_;
  std::map<std::string, std::array<std::uint32_t, priority_count>, std::less<>> queue_max_;
  std::map<std::string, ModelJob> jobs_;
  std::map<std::string, Outcome> outcomes_;  ///< of every job that ended
  std::set<std::string> done_again_;
  std::uint64_t order_ = 0;
  Instant now_{};  ///< of the event that is under way
  bool assigns_ = true;
  std::vector<Happened> happened_, expected_;

  /// What is to be stored: an added job or one that is queued again as it is then, or the handle of
  /// one that is gone.
  struct Change {
    enum class Kind : std::uint8_t { added, requeued, removed } kind;
    ModelJob job;
  };
  std::vector<Change> forming_, given_;
  std::map<std::string, ModelJob> stored_;  ///< by handle
  std::map<JobNumber, std::string> handle_of_number_;
  std::string store_fault_;

  /// What a relay may send again although its job has ended: the oldest first.
  struct Remembered {
    std::string unique;
    Instant ended_at;
  };
  std::vector<Remembered> remembered_;
  std::map<std::string, std::vector<std::string>, std::less<>> made_for_;
};

/// A packet of the server's for people, as "JOB_CREATED H:1".
[[nodiscard]] std::string told(const std::string& packet);
[[nodiscard]] std::string told(const Happened& happened);

}  // namespace gman::sim
