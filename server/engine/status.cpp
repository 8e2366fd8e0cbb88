// SPDX-License-Identifier: BSD-3-Clause
// Questions and wishes of a connection about a job or about itself.
#include <algorithm>

#include "protocol/errors.hpp"
#include "protocol/extended.hpp"
#include "server/engine/core.hpp"

namespace gman::engine {
namespace {

constexpr std::string_view option_exceptions = "exceptions";

// The list of workers separates its words by blanks, and its rows by line ends.
char without_blank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 0x7f ? '_' : c;
}

}  // namespace

void Core::on(Connection& client, const GetStatus& request, Turn turn) {
  StatusRes answer{.handle = request.handle};
  const JobSlot slot = find_job(request.handle);
  if (slot != nil) {
    answer.known = true;
    if (const auto* run = std::get_if<Running>(&jobs_[slot].state)) {
      answer.running = true;
      answer.numerator = run->numerator;
      answer.denominator = run->denominator;
    }
  }
  turn.effects.send(client.id, answer);
}

void Core::on(Connection& client, const GetStatusUnique& request, Turn turn) {
  StatusResUnique answer{.unique = request.unique};
  const JobSlot slot = uniques_.find_any(request.unique);
  if (slot != nil) {
    answer.known = true;
    answer.clients = jobs_[slot].client_count;
    if (const auto* run = std::get_if<Running>(&jobs_[slot].state)) {
      answer.running = true;
      answer.numerator = run->numerator;
      answer.denominator = run->denominator;
    }
  }
  turn.effects.send(client.id, answer);
}

void Core::on(Connection& conn, const EchoReq& request, Turn turn) {
  turn.effects.send(conn.id, EchoRes{request.data});
}

void Core::on(Connection& conn, const OptionReq& request, Turn turn) {
  if (const auto extension = extension_asked_for(request.name)) {
    conn.allow(*extension);
  } else if (is_option(request.name, option_exceptions)) {
    conn.exception_form = ExceptionForm::exception;
  } else if (remembered_.is_on() && is_option(request.name, unique_window_option)) {
    conn.has_unique_window = true;
  } else {
    return turn.effects.send(conn.id,
                             ErrorRes{error_text::unknown_option_code, error_text::unknown_option});
  }
  turn.effects.send(conn.id, OptionRes{request.name});
}

void Core::on(Connection& conn, const SetClientId& request, Turn) {
  conn.client_id = request.id;
  std::ranges::transform(conn.client_id, conn.client_id.begin(), without_blank);
}

}  // namespace gman::engine
