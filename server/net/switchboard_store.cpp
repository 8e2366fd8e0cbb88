// SPDX-License-Identifier: BSD-3-Clause
// The switchboard's dealings with the store: answers that wait for it, batches that go to it, and
// what it says of them. While it is busy with one batch, the next one forms.
#include <algorithm>
#include <utility>

#include "protocol/errors.hpp"
#include "server/net/switchboard.hpp"

namespace gman {
namespace {

// The same fault is logged again this often.
constexpr milliseconds fault_log_again_after{60'000};

// So long a server that was cut off and succeeded may go on handing out what the other one has too.
constexpr milliseconds look_every{1'000};

}  // namespace

void Switchboard::promise(Session& session, std::uint64_t batch, std::string_view bytes) {
  if (session.phase != Session::Phase::open) return;
  if (session.held.empty()) promised_.push_back(session.id());
  if (std::exchange(session.told_of_batch, 0) == stored_batch_) pace_.came_back();
  session.held.promise(batch, bytes);
}

// What there is of the batch, which will be given to the store when it is whole.
void Switchboard::prepare_batch() {
  if (store_ == nullptr || !store_->is_idle() || copy_from_ || effects_.changes().empty()) return;
  effects_.take_piece(spare_changes_);
  store_->prepare(spare_changes_);
}

void Switchboard::give_to_store() {
  batch_waits_ = false;
  if (store_ == nullptr) return;
  if (is_store_taken_) {  // what changes is nobody's business any more
    if (!effects_.changes().empty()) effects_.take_batch(spare_changes_);
    static_cast<void>(take_wanted());
    return spare_changes_.clear();
  }
  if (!store_->is_idle()) return;
  if (copy_from_) return give_anew();
  const bool wants_more = !unread_.empty() || !effects_.wanted().empty();
  if (effects_.changes().empty() && !store_->has_unwritten() && !wants_more) {
    return look_at_holder();
  }
  batch_waits_ = pace_.waits(now_.steady);
  if (batch_waits_) return prepare_batch();
  given_batch_ = effects_.batch();
  given_at_ = now_.steady;
  effects_.take_batch(spare_changes_);
  add_prompt_answers();
  store_->write(given_batch_, spare_changes_,
                {.wanted = take_wanted(), .at_once = [this] { prompt_.send(); }});
  next_look_ = now_.steady + look_every;
}

void Switchboard::look_at_holder() {
  if (!store_->can_be_taken() || now_.steady < next_look_) return;
  next_look_ = now_.steady + look_every;
  store_->look();
}

std::optional<Instant> Switchboard::next_look() const {
  const bool is_looked_at = store_ != nullptr && store_->can_be_taken() && store_->is_idle();
  return is_looked_at && !is_store_taken_ ? std::optional(next_look_) : std::nullopt;
}

std::vector<JobNumber> Switchboard::take_wanted() {
  std::vector<JobNumber> wanted = std::exchange(unread_, {});
  const std::vector<JobNumber> more = effects_.take_wanted();
  wanted.insert(wanted.end(), more.begin(), more.end());
  return wanted;
}

void Switchboard::batch_is_durable() {
  durable_batch_ = store_->durable_batch();
  engine_.stored(durable_batch_, now_, effects_);
}

// While the store fails, whoever waits may be told so at any moment, and must not be answered
// twice.
void Switchboard::add_prompt_answers() {
  if (store_fails_since_) return;
  for (const ConnId conn : promised_) {
    if (prompt_.is_full()) return;
    const Session* session = sessions_.find(conn);
    if (session == nullptr || !session->out.empty() || prompt_.concern(conn)) continue;
    const std::string_view answer = session->held.due(given_batch_);
    if (answer.empty() || answer.size() > PromptAnswers::answer_bytes_max) continue;
    prompt_.add(conn, session->socket.get(), answer);
  }
}

// The store is idle again.
void Switchboard::settle_prompt_answers() {
  for (const PromptAnswers::Answer& answer : prompt_.answers()) {
    if (Session* session = sessions_.find(answer.conn)) session->held.drop(answer.sent);
  }
  prompt_.clear();
  ended_sockets_.clear();
}

// A part of all that is to be stored, while what changes meanwhile forms the batch behind it.
void Switchboard::give_anew() {
  constexpr std::size_t part_jobs_max = 4096;
  constexpr std::size_t part_bytes_max = std::size_t{4} << 20;
  constexpr std::size_t step = 64;
  const bool is_first = copy_from_ == 0U;
  while (copy_from_ && spare_changes_.added_count() < part_jobs_max &&
         spare_changes_.text_bytes() < part_bytes_max) {
    copy_from_ = engine_.copy_stored(*copy_from_, step, spare_changes_);
  }
  const bool is_last = !copy_from_;
  const auto part = is_first ? (is_last ? StoreWriter::Part::only : StoreWriter::Part::first)
                             : (is_last ? StoreWriter::Part::last : StoreWriter::Part::middle);
  store_->write_anew(part, given_batch_, spare_changes_);
}

bool Switchboard::is_all_stored() const {
  if (store_ == nullptr || is_store_taken_) return true;
  if (copy_from_ || !effects_.changes().empty()) return false;
  return store_->is_looking() || (store_->is_idle() && !store_->has_unwritten());
}

void Switchboard::store_ready() {
  while (auto news = store_->take_news()) {
    if (store_->is_idle()) settle_prompt_answers();
    if (const auto* done = std::get_if<StoreWriter::Stored>(&*news)) {
      stored(done->batch);
      lost(done->lost);
    } else if (auto* read = std::get_if<std::unique_ptr<StoreWriter::Fetched>>(&*news)) {
      fetched(std::move(*read));
    } else if (const auto* failing = std::get_if<StoreWriter::Failing>(&*news)) {
      store_fails(failing->fault);
    } else if (const auto* full = std::get_if<StoreWriter::Full>(&*news)) {
      store_fails(full->fault);
    } else if (const auto* lost = std::get_if<StoreWriter::Lost>(&*news)) {
      store_fails(lost->fault);
      write_all_anew();
    } else if (std::holds_alternative<StoreWriter::Kept>(*news)) {
      store_works();
    } else if (const auto* taken = std::get_if<StoreWriter::Taken>(&*news)) {
      store_is_taken(taken->fault);
    }
  }
}

// What has changed up to now is in the engine, so the batches that were to say so are not needed.
void Switchboard::write_all_anew() {
  log_.warn("the store is written anew from memory",
            {{"store", store_->name()},
             {"jobs", engine_.queued_jobs() + engine_.running_jobs() + engine_.scheduled_jobs()}});
  copy_from_ = 0;
  given_batch_ = effects_.batch();
  effects_.take_batch(spare_changes_);
  spare_changes_.clear();
}

void Switchboard::store_works() {
  if (!store_fails_since_) return;
  const auto length = std::chrono::duration<double>(now_.steady - *store_fails_since_);
  log_.info("the store works again",
            {{"store", store_->name()}, {"failed_for_seconds", length.count()}});
  store_fails_since_.reset();
  store_fault_.clear();
  has_given_up_storing_ = false;
  engine_.set_store_fault({});
}

// For good. The other server has its jobs and runs them; here goes on what was never stored.
void Switchboard::store_is_taken(const StoreFault& fault) {
  is_store_taken_ = true;
  store_fails_since_.reset();
  store_fault_ = fault.text;
  log_.error("another server has the store: its jobs are no longer this one's",
             {{"store", store_->name()},
              {"cause", fault.text},
              {"jobs", engine_.queued_jobs() + engine_.scheduled_jobs()},
              {"running", engine_.running_jobs()}});
  give_up_storing();
  disown_from_ = 0;
  disown_some();
}

void Switchboard::disown_some() {
  constexpr std::size_t step = 8192;
  disown_from_ = engine_.disown_stored(*disown_from_, step, now_, effects_);
}

void Switchboard::stored(std::uint64_t batch) {
  stored_batch_ = batch;
  store_works();
  std::size_t told = 0;
  for (const ConnId conn : std::exchange(promised_, {})) {
    Session* session = sessions_.find(conn);
    if (session == nullptr) continue;
    HeldOutput held = std::exchange(session->held, {});  // the session may end of what it is sent
    held.release(batch, [&](std::string_view bytes) { append_output(*session, bytes); });
    if (session->phase == Session::Phase::free) continue;
    mark_dirty(*session);
    session->held = std::move(held);
    if (!session->held.empty()) {
      promised_.push_back(conn);
    } else {
      session->told_of_batch = batch;
      ++told;
    }
  }
  pace_.committed(told, now_.steady - given_at_, now_.steady);
  engine_.stored(batch, now_, effects_);
}

void Switchboard::fetched(std::unique_ptr<StoreWriter::Fetched> news) {
  unread_.insert(unread_.end(), news->unread.begin(), news->unread.end());
  for (std::size_t i = 0; i < news->jobs.added_count(); ++i) {
    const JobRecord job = news->jobs.added(i);
    engine_.fetched(job.number, job.workload, now_, effects_);
  }
  lost(news->lost);
  if (news->fault && now_.steady >= next_fetch_fault_log_) {
    next_fetch_fault_log_ = now_.steady + fault_log_again_after;
    log_.error(
        "workloads cannot be read from the store, it is being tried again",
        {{"store", store_->name()}, {"cause", news->fault->text}, {"jobs", news->unread.size()}});
  }
  store_->give_back(std::move(news));
}

// Of a job that was cancelled meanwhile, the store says the same.
void Switchboard::lost(const std::vector<LostJob>& jobs) {
  if (jobs.empty()) return;
  std::vector<JobNumber> numbers;
  numbers.reserve(jobs.size());
  for (const LostJob& job : jobs) numbers.push_back(job.number);
  std::vector<JobNumber> forgotten = engine_.lost(numbers, now_, effects_);
  std::ranges::sort(forgotten);
  for (const auto& [number, why] : jobs) {
    if (!std::ranges::binary_search(forgotten, number)) continue;
    log_.error("a job is lost, and will not be run",
               {{"store", store_->name()}, {"job", number}, {"why", why}});
  }
}

void Switchboard::store_fails(const StoreFault& fault) {
  if (!store_fails_since_) store_fails_since_ = now_.steady;
  if (fault.text != store_fault_ || now_.steady >= next_store_fault_log_) {
    next_store_fault_log_ = now_.steady + fault_log_again_after;
    log_.error("the store fails, it is being tried again",
               {{"store", store_->name()}, {"cause", fault.text}});
  }
  store_fault_ = fault.text;
  if (has_given_up_storing_) engine_.set_store_fault(refusal_text());
}

// Whoever waits has waited long enough. The store goes on with what it was given.
void Switchboard::give_up_storing() {
  look_at_store();
  has_given_up_storing_ = true;
  log_.error(
      "clients are told that the store fails",
      {{"store", store_->name()}, {"cause", store_fault_}, {"jobs", engine_.storing_jobs()}});
  std::string refusal;
  append_packet(refusal, Magic::res, PacketType::error,
                {error_text::store_error_code, refusal_text()});
  for (const ConnId conn : std::exchange(promised_, {})) {
    Session* session = sessions_.find(conn);
    if (session == nullptr) continue;
    HeldOutput held = std::exchange(session->held, {});
    held.give_up(std::max(stored_batch_, durable_batch_),
                 [&](std::string_view bytes, bool is_broken) {
                   if (!is_broken) return append_output(*session, bytes);
                   // Each JOB_CREATED that was promised is an ERROR now, and such a job has no end.
                   while (const auto frame = *next_frame(bytes)) {
                     const auto& packet = std::get<Packet>(frame->unit);
                     bytes.remove_prefix(frame->bytes);
                     if (packet.type == PacketType::job_created) append_output(*session, refusal);
                   }
                 });
    if (session->phase != Session::Phase::free) mark_dirty(*session);
  }
  engine_.give_up_storing(now_, effects_);
  engine_.set_store_fault(refusal_text());
}

}  // namespace gman
