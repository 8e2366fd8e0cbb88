// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/engine/scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace gman::test {
namespace {

using std::chrono::nanoseconds;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::vector<std::string_view> parts_of(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " ; ") + part;
  return text;
}

// "''" and "64*x".
std::string expanded(const std::string& word) {
  if (word == "''") return {};
  const std::size_t star = word.find('*');
  if (star == std::string::npos || star == 0 || star + 2 != word.size()) return word;
  std::size_t count = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + star, count);
  const bool is_count = fault == std::errc{} && end == word.data() + star;
  return is_count ? std::string(count, word.back()) : word;
}

// "[unique:workload]", as SUBMIT_MANY has it.
std::string job_of_many(std::string_view word) {
  const std::size_t colon = word.find(':');
  const std::string unique = expanded(std::string(word.substr(1, colon - 1)));
  const std::string workload =
      expanded(std::string(word.substr(colon + 1, word.size() - colon - 2)));
  const auto byte = [](std::size_t value) { return std::string(1, static_cast<char>(value)); };
  return byte(unique.size()) + std::string(2, '\0') + byte(workload.size() >> 8) +
         byte(workload.size()) + unique + workload;
}

// The shortest way to tell an argument: the reverse of `expanded`.
std::string shortened(std::string_view argument) {
  if (argument.empty()) return "''";
  const bool is_run = std::ranges::all_of(argument, [&](char c) { return c == argument[0]; });
  if (argument.size() < 16 || !is_run) return std::string(argument);
  return std::to_string(argument.size()) + "*" + argument[0];
}

nanoseconds duration_of(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit == "ms") return milliseconds(count);
  if (unit == "s") return std::chrono::seconds(count);
  if (unit == "min") return std::chrono::minutes(count);
  if (unit == "h") return std::chrono::hours(count);
  ADD_FAILURE() << "not a duration: " << text;
  return {};
}

const PacketSpec* spec_by_name(std::string_view name) {
  const auto* const row = std::ranges::find(packet_table, name, &PacketSpec::name);
  return row == packet_table.end() ? nullptr : row;
}

}  // namespace

Scenario::Scenario(EngineSettings settings)
    : engine_([&] {
        settings.handle_prefix = "H";
        return settings;
      }()) {
  now_.steady = Instant(std::chrono::hours(1000));
  now_.wall = WallTime(std::chrono::sys_days(std::chrono::year{2026} / 11 / 22));
}

ConnId Scenario::peer(const std::string& name) {
  const auto known = peers_.find(name);
  if (known != peers_.end()) return known->second;
  const ConnId conn{connections_++};
  engine_.connected(conn);
  names_[conn] = name;
  return peers_[name] = conn;
}

const std::string& Scenario::handle(const std::string& alias) const {
  return handle_by_alias_.at(alias);
}

void Scenario::run(std::string_view story) {
  std::vector<std::string> lines;
  for (const std::string_view line : parts_of(story, "\n")) {
    if (line.empty()) continue;
    if (line.starts_with("=>")) {
      const bool goes_on = lines.back().find("=>") != std::string::npos;
      lines.back() += (goes_on ? " ; " : " => ") + std::string(line.substr(2));
    } else {
      lines.emplace_back(line);
    }
  }
  for (const std::string& line : lines) {
    SCOPED_TRACE(line);
    const auto sides = parts_of(line, "=>");
    play(sides[0], sides.size() > 1 ? sides[1] : std::string_view{});
    if (::testing::Test::HasFailure()) return;
  }
}

void Scenario::play(std::string_view event, std::string_view expectations) {
  happened_.clear();
  act(words_of(event));
  note_effects();
  std::string wanted;
  for (const JobNumber number : effects_.take_wanted()) wanted += " " + alias_by_number_.at(number);
  if (!wanted.empty()) happened_.push_back("wants" + wanted);
  engine_.check();

  std::vector<std::string> expected;
  for (const std::string_view expectation : parts_of(expectations, ";")) {
    if (expectation.empty()) continue;
    const std::string answered = answer(expectation);
    if (answered.empty()) {
      expected.push_back(joined({std::string(expectation)}));
    } else {
      EXPECT_EQ(answered, expectation);
    }
  }
  // Blanks between words do not count.
  for (std::string& text : expected) {
    const auto words = words_of(text);
    text.clear();
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  }
  EXPECT_EQ(joined(happened_), joined(expected));
}

void Scenario::act(const std::vector<std::string>& words) {
  const std::string& first = words.at(0);
  if (first.starts_with('+')) return advance(duration_of(std::string_view(first).substr(1)));
  if (first == "wall") {
    const auto step = duration_cast<WallTime::duration>(duration_of(words.at(2).substr(1)));
    now_.wall += words[2].starts_with('-') ? -step : step;
    return;
  }
  if (first == "the") return let_store(words);
  if (first == "stop") return engine_.stop_assigning();
  if (first == "create") return engine_.create_function(words.at(1));
  if (first == "maxqueue") {
    const auto limit = [&](std::size_t i) {
      return static_cast<std::uint32_t>(std::stoul(words.at(i)));
    };
    return engine_.set_queue_max(words.at(1), {limit(2), limit(3), limit(4)});
  }
  if (first == "cancel") {
    const auto known = handle_by_alias_.find(words.at(1));
    const std::string real = known == handle_by_alias_.end() ? words[1] : known->second;
    const bool is_cancelled = engine_.cancel_job(real, now_, effects_);
    note_effects();
    happened_.emplace_back(is_cancelled ? "cancelled" : "unknown job");
    return;
  }
  if (first == "drop") {
    switch (engine_.drop_function(words.at(1))) {
      case Engine::DropResult::dropped: happened_.emplace_back("dropped"); return;
      case Engine::DropResult::not_found: happened_.emplace_back("not found"); return;
      case Engine::DropResult::in_use: happened_.emplace_back("in use"); return;
    }
  }
  const ConnId conn = peer(first);
  if (words.at(1) == "connects") return;
  if (words[1] == "disconnects") {
    engine_.disconnected(conn, now_, effects_);
    names_.erase(conn);
    peers_.erase(first);
    return;
  }
  ASSERT_EQ(words[1], ">");
  send(first, {words.begin() + 2, words.end()});
}

void Scenario::send(const std::string& who, const std::vector<std::string>& words) {
  const PacketSpec* spec = spec_by_name(words.at(0));
  ASSERT_NE(spec, nullptr) << words[0];
  std::string body;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto known = handle_by_alias_.find(words[i]);
    const bool is_job = words[i].starts_with('[');
    if (i > 1 && !(is_job && words[i - 1].starts_with('['))) body += '\0';
    if (is_job) {
      body += job_of_many(words[i]);
      continue;
    }
    body += known == handle_by_alias_.end() ? expanded(words[i]) : known->second;
  }
  std::string bytes;
  append_packet(bytes, Magic::req, spec->type, {body});
  const auto frame = next_frame(bytes);
  ASSERT_TRUE(frame && *frame);
  const auto request = parse_request(std::get<Packet>((*frame)->unit));
  ASSERT_TRUE(request) << request.error().message();
  engine_.handle(peer(who), *request, now_, effects_);
}

// Ticks at every deadline on the way, as the shell's timer does.
void Scenario::advance(nanoseconds duration) {
  const Now end{now_.steady + duration_cast<Instant::duration>(duration),
                now_.wall + duration_cast<WallTime::duration>(duration)};
  while (const auto deadline = engine_.next_deadline()) {
    if (*deadline > end.steady) break;
    const auto step = std::max(*deadline - now_.steady, Instant::duration{});
    now_.steady += step;
    now_.wall += duration_cast<WallTime::duration>(step);
    engine_.tick(now_, effects_);
    engine_.check();
  }
  now_ = end;
  engine_.tick(now_, effects_);
}

void Scenario::note_effects() {
  for (const Effects::Effect& effect : effects_.list()) {
    if (const auto* close = std::get_if<Effects::Close>(&effect)) {
      happened_.push_back(names_.at(close->conn) +
                          " closed: " + std::string(to_string(close->reason)));
      continue;
    }
    const auto& sent = std::get<Effects::Send>(effect);
    std::string_view bytes = effects_.bytes_of(sent);
    while (!bytes.empty()) {
      const auto frame = next_frame(bytes);
      ASSERT_TRUE(frame && *frame);
      happened_.push_back(names_.at(sent.to) + " < " + describe(bytes.substr(0, (*frame)->bytes)) +
                          (sent.batch != 0 ? " when stored" : ""));
      bytes.remove_prefix((*frame)->bytes);
    }
  }
  effects_.clear();
}

void Scenario::let_store(const std::vector<std::string>& words) {
  if (words.at(2) == "commits") {
    const std::uint64_t batch = effects_.batch();
    JobChanges changes;
    effects_.take_batch(changes);
    note_changes(changes);
    engine_.stored(batch, now_, effects_);
  } else if (words[2] == "gets") {
    JobChanges piece;
    effects_.take_piece(piece);
    note_changes(piece);
  } else if (words[2] == "reads") {
    for (std::size_t i = 3; i < words.size(); ++i) {
      const auto& [number, workload] = stored_.at(words[i]);
      engine_.fetched(number, workload, now_, effects_);
    }
  } else if (words[2] == "has") {
    std::vector<JobNumber> lost;
    for (std::size_t i = 4; i < words.size(); ++i) lost.push_back(stored_.at(words[i]).first);
    engine_.lost(lost, now_, effects_);
  } else if (words[2] == "gives") {
    engine_.give_up_storing(now_, effects_);
  } else if (words[2] == "is") {
    const bool is_first_step = words[3] == "being";
    do {
      disown_from_ = engine_.disown_stored(disown_from_.value_or(0), 1, now_, effects_);
    } while (disown_from_ && !is_first_step);
  } else {
    ASSERT_EQ(words[2], "fault");
    engine_.set_store_fault(words.size() > 3 ? words[3] : std::string{});
  }
}

void Scenario::note_changes(const JobChanges& changes) {
  const auto handle_of = [this](JobNumber number) -> const std::string& {
    return alias_by_number_.at(number);
  };
  for (std::size_t i = 0; i < changes.added_count(); ++i) {
    const JobRecord record = changes.added(i);
    alias_by_number_[record.number] = alias_of("H:" + std::to_string(record.handle_number));
    stored_[handle_of(record.number)] = {record.number, std::string(record.workload)};
    happened_.push_back("+ " + handle_of(record.number));
  }
  for (const JobRequeued& job : changes.requeued()) {
    happened_.push_back("again " + handle_of(job.number));
  }
  for (const JobNumber number : changes.removed()) happened_.push_back("- " + handle_of(number));
}

std::string Scenario::describe(std::string_view packet_bytes) {
  const Packet packet = std::get<Packet>((*next_frame(packet_bytes))->unit);
  const PacketSpec& spec = spec_of(packet.type);
  const auto arguments = split_arguments(packet);
  std::string text(spec.name);
  const std::size_t count = spec.args + (spec.body == Body::opaque ? 1U : 0U);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view argument = (*arguments)[i];
    const bool is_new = packet.type == PacketType::job_created && i == 0;
    const bool is_known = alias_by_handle_.contains(argument);
    text += ' ' + (is_new || is_known ? alias_of(argument) : shortened(argument));
  }
  return text;
}

std::string Scenario::alias_of(std::string_view handle) {
  const auto known = alias_by_handle_.find(handle);
  if (known != alias_by_handle_.end()) return known->second;
  const std::string alias = "H:" + std::to_string(alias_by_handle_.size() + 1);
  handle_by_alias_[alias] = handle;
  alias_by_handle_[std::string(handle)] = alias;
  return alias;
}

// The true answer to a question, in its own words; empty: this is no question.
std::string Scenario::answer(std::string_view question) const {
  const auto deadline = engine_.next_deadline();
  if (question == "no deadline" || question == "a deadline") {
    return deadline ? "a deadline" : "no deadline";
  }
  const std::size_t has = question.find(" has ");
  if (has == std::string_view::npos || question.find(" < ") != std::string_view::npos) return {};

  const std::string_view function = question.substr(0, has);
  std::uint64_t total = 0;
  std::uint64_t running = 0;
  std::uint64_t workers = 0;
  for (const FunctionStatus& row : engine_.status()) {
    if (row.function != function) continue;
    total = row.total;
    running = row.running;
    workers = row.workers;
  }
  std::string truth = std::string(function) + " has";
  std::string_view separator = " ";
  for (const std::string_view part : parts_of(question.substr(has + 5), ",")) {
    const std::string_view kind = part.substr(part.find(' ') + 1);
    const std::uint64_t count = kind == "running"   ? running
                                : kind == "workers" ? workers
                                                    : total - running;
    truth += std::string(separator) + std::to_string(count) + " " + std::string(kind);
    separator = ", ";
  }
  return truth;
}

}  // namespace gman::test
