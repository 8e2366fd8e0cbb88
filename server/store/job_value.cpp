// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/job_value.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "base/assert.hpp"
#include "server/store/checksum.hpp"

namespace gman {
namespace {

constexpr std::size_t position_digits = 20;
constexpr std::size_t attempts_digits = 10;
constexpr std::size_t due_digits = 19;  // behind its sign
constexpr std::size_t key_digits = 16;

void append_number(std::string& out, std::uint64_t number, int base = 10,
                   std::size_t digits_min = 1) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), number, base).ptr;
  const auto count = static_cast<std::size_t>(end - digits.begin());
  if (count < digits_min) out.append(digits_min - count, '0');
  out.append(digits.data(), count);
}

void append_head(std::string& out, std::uint64_t position, std::uint32_t attempts_lost,
                 std::optional<std::int64_t> due_ms) {
  append_number(out, position, 10, position_digits);
  out += ' ';
  append_number(out, attempts_lost, 10, attempts_digits);
  out += ' ';
  if (!due_ms) {
    out.append(1 + due_digits, '-');
    return;
  }
  out += *due_ms < 0 ? '-' : '+';
  const auto bits = static_cast<std::uint64_t>(*due_ms);
  append_number(out, *due_ms < 0 ? 0 - bits : bits, 10, due_digits);
}

/// Takes apart what append_head() and job_value() have put together.
class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}

  template <typename Number>
  bool number(Number& number, char behind, int base = 10) {
    const char* const end = left_.data() + left_.size();
    const auto [at, error] = std::from_chars(left_.data(), end, number, base);
    if (error != std::errc() || at == end || *at != behind) return false;
    left_.remove_prefix(static_cast<std::size_t>(at - left_.data()) + 1);
    return true;
  }
  bool due(std::optional<std::int64_t>& due_ms) {
    constexpr std::string_view none = "--------------------";
    static_assert(none.size() == 1 + due_digits);
    if (left_.starts_with(none)) {
      left_.remove_prefix(none.size());
      due_ms = std::nullopt;
      return starts_with_space();
    }
    if (left_.starts_with('+')) left_.remove_prefix(1);  // which from_chars does not know
    std::int64_t ms = 0;
    if (!number(ms, ' ')) return false;
    due_ms = ms;
    return true;
  }
  bool text(std::string_view& text, std::size_t bytes, bool is_last) {
    if (left_.size() < bytes || (is_last && left_.size() != bytes)) return false;
    text = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    if (is_last) return true;
    if (!left_.starts_with('\n')) return false;
    left_.remove_prefix(1);
    return true;
  }

 private:
  bool starts_with_space() {
    if (!left_.starts_with(' ')) return false;
    left_.remove_prefix(1);
    return true;
  }
  std::string_view left_;
};

}  // namespace

std::string job_value(const JobRecord& record) {
  constexpr std::size_t line_bytes_about = 160;
  std::string value;
  value.reserve(line_bytes_about + record.function.size() + record.unique.size() +
                record.reducer.size() + record.workload.size());
  append_head(value, record.position, record.attempts_lost, record.due_ms);
  GMAN_ASSERT(value.size() == job_value_head_bytes);
  value += ' ';
  append_number(value, record.handle_number);
  value += ' ';
  append_number(value, static_cast<std::uint64_t>(record.priority));
  value += ' ';
  append_number(value, checksum_of(record), 16, key_digits);
  for (const std::string_view text :
       {record.function, record.unique, record.reducer, record.workload}) {
    value += ' ';
    append_number(value, text.size());
  }
  for (const std::string_view text :
       {record.function, record.unique, record.reducer, record.workload}) {
    value += '\n';
    value += text;
  }
  return value;
}

std::string job_value_head(const JobRequeued& job) {
  std::string head;
  append_head(head, job.position, job.attempts_lost, std::nullopt);
  return head;
}

const char* read_job_value(std::string_view value, JobRecord& record) {
  constexpr const char* not_a_job = "it cannot be read as a job";
  Reader reader(value);
  std::uint64_t priority = 0;
  std::uint64_t checksum = 0;
  std::size_t function_bytes = 0;
  std::size_t unique_bytes = 0;
  std::size_t reducer_bytes = 0;
  std::size_t workload_bytes = 0;
  const bool is_whole = reader.number(record.position, ' ') &&
                        reader.number(record.attempts_lost, ' ') && reader.due(record.due_ms) &&
                        reader.number(record.handle_number, ' ') && reader.number(priority, ' ') &&
                        reader.number(checksum, ' ', 16) && reader.number(function_bytes, ' ') &&
                        reader.number(unique_bytes, ' ') && reader.number(reducer_bytes, ' ') &&
                        reader.number(workload_bytes, '\n') &&
                        reader.text(record.function, function_bytes, false) &&
                        reader.text(record.unique, unique_bytes, false) &&
                        reader.text(record.reducer, reducer_bytes, false) &&
                        reader.text(record.workload, workload_bytes, true);
  if (!is_whole || priority >= priority_count) return not_a_job;
  record.priority = static_cast<Priority>(priority);
  if (checksum_of(record) != checksum) return "its checksum does not match";
  return nullptr;
}

std::string job_key(JobNumber number) {
  std::string key;
  append_number(key, number, 16, key_digits);
  return key;
}

std::optional<JobNumber> job_number_of(std::string_view key) {
  JobNumber number = 0;
  const char* const end = key.data() + key.size();
  const auto [at, error] = std::from_chars(key.data(), end, number, 16);
  if (key.size() != key_digits || error != std::errc() || at != end) return std::nullopt;
  return number;
}

}  // namespace gman
