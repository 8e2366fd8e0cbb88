// SPDX-License-Identifier: BSD-3-Clause
// Tells a server's pool of threads that this thread waits for somebody else: the pool lets another
// one run meanwhile, so that a few sessions that wait for jobs do not stop all the others.
#pragma once

namespace gman::udf::session {

class Waiting {
 public:
  Waiting();
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  void* session_ = nullptr;
};

}  // namespace gman::udf::session
