// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/prompt_answers.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "base/assert.hpp"

namespace gman {

void PromptAnswers::add(ConnId conn, int socket, std::string_view bytes) {
  GMAN_ASSERT(!is_full());
  answers_.push_back(
      {.conn = conn, .socket = socket, .offset = bytes_.size(), .bytes = bytes.size()});
  bytes_ += bytes;
}

bool PromptAnswers::concern(ConnId conn) const {
  return std::ranges::find(answers_, conn, &Answer::conn) != answers_.end();
}

void PromptAnswers::clear() {
  answers_.clear();
  bytes_.clear();
}

void PromptAnswers::send() {
  for (Answer& answer : answers_) {
    const auto sent = ::send(answer.socket, bytes_.data() + answer.offset, answer.bytes,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) answer.sent = static_cast<std::size_t>(sent);
  }
}

}  // namespace gman
