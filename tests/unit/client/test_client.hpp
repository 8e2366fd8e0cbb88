// SPDX-License-Identifier: BSD-3-Clause
// gman.h as tests call it: one call, waited for by poll(2), ended after a bounded time.
#pragma once

#include <gman/gman.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/blocking/poll_driver.hpp"

namespace gman::test {

/// What a call brought, copied.
struct Outcome {
  gman_status status{};
  std::string message, hint;
  std::string handle, data, warning, server;
  gman_result_data numbers{};  // its pointers are stale
};

struct JobText {
  std::string_view function;
  std::string_view workload = {};
  std::string_view unique = {};
  gman_priority priority = GMAN_PRIORITY_NORMAL;
  int deadline_ms = 0;
  gman_unique_mode unique_mode = GMAN_UNIQUE_ALIVE;
  std::int64_t run_at_ms = 0;
};

class TestClient {
 public:
  explicit TestClient(const std::string& servers);
  explicit TestClient(const gman_settings& settings);

  Outcome background(const JobText& job);
  Outcome foreground(const JobText& job);
  Outcome status(std::string_view handle);
  Outcome ping();
  /// `server`: 0 for any.
  Outcome ask(gman_query_kind kind, std::string_view text = {}, std::size_t server = 0);
  /// Foreground jobs of one function, by their workloads.
  Outcome run(std::string_view function, const std::vector<std::string_view>& workloads,
              int deadline_ms = 0);
  /// Of the last call.
  std::vector<gman_job_outcome> outcomes();

  gman_client* get() { return client_.get(); }
  gman_status start(const JobText& job, bool background);
  Outcome finish(gman_status started, const Interrupt& interrupted = {});

 private:
  struct Free {
    void operator()(gman_client* client) const { gman_client_free(client); }
  };
  std::unique_ptr<gman_client, Free> client_;
};

/// The defaults, for servers that outlive the settings.
[[nodiscard]] gman_settings settings_for(const char* servers);

}  // namespace gman::test
