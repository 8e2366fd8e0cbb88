// SPDX-License-Identifier: BSD-3-Clause
// A client and a worker made with libgearman, for what the tools and the scripting languages do not
// reach: epoch and reduce jobs, status by unique, many tasks at once, every way to grab, timeouts.
//
//   libgearman_peer HOST PORT client          submits in every way; each line tells one answer
//   libgearman_peer HOST PORT worker WAY      does the jobs of "f" until those "later" and "last"
//   libgearman_peer HOST PORT split           has a job of "lengths" split and put together again
//   libgearman_peer HOST PORT mapper          does one job of "lengths": splits its words
//   libgearman_peer HOST PORT reducer         does one job of "length": counts a word's letters
//
// The worker grabs by WAY (plain, unique, all), which libgearman sends as three packets.
#include <libgearman/gearman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Client = std::unique_ptr<gearman_client_st, decltype(&gearman_client_free)>;
using Worker = std::unique_ptr<gearman_worker_st, decltype(&gearman_worker_free)>;

constexpr int patience_ms = 20'000;

void tell(const char* what, gearman_return_t code, const std::string& detail = {}) {
  // Without the GEARMAN_ that all of them begin with.
  std::printf("%s %s%s%s\n", what, gearman_strerror(code) + 8, detail.empty() ? "" : " ",
              detail.c_str());
}

void submit_and_wait(gearman_client_st* client) {
  struct Way {
    const char* name;
    decltype(&gearman_client_do) submit;
  };
  for (const Way& way : {Way{"do", gearman_client_do}, Way{"do_high", gearman_client_do_high},
                         Way{"do_low", gearman_client_do_low}}) {
    std::size_t bytes = 0;
    gearman_return_t code = GEARMAN_SUCCESS;
    void* result = way.submit(client, "f", way.name, "work", 4, &bytes, &code);
    tell(way.name, code,
         result == nullptr ? "" : std::string(static_cast<const char*>(result), bytes));
    std::free(result);
  }
}

void submit_background(gearman_client_st* client) {
  struct Way {
    const char* name;
    decltype(&gearman_client_do_background) submit;
  };
  for (const Way& way : {Way{"background", gearman_client_do_background},
                         Way{"high_background", gearman_client_do_high_background},
                         Way{"low_background", gearman_client_do_low_background}}) {
    gearman_job_handle_t handle{};
    tell(way.name, way.submit(client, "f", way.name, "work", 4, handle));
  }
}

void ask_about_jobs(gearman_client_st* client) {
  gearman_job_handle_t handle{};
  tell("unknown function",
       gearman_client_do_background(client, "nobody", "asked", "work", 4, handle));
  bool is_known = false;
  bool is_running = true;
  std::uint32_t numerator = 0;
  std::uint32_t denominator = 0;
  const gearman_return_t code =
      gearman_client_job_status(client, handle, &is_known, &is_running, &numerator, &denominator);
  tell("status", code, is_known && !is_running ? "queued" : "not queued");
  const gearman_status_t status = gearman_client_unique_status(client, "asked", 5);
  tell("unique status", gearman_status_return(status),
       gearman_status_is_known(status) && !gearman_status_is_running(status) ? "queued"
                                                                             : "not queued");
  tell("echo", gearman_client_echo(client, "\0some bytes", 11));
}

Client new_client(const char* host, in_port_t port, int timeout_ms) {
  Client client(gearman_client_create(nullptr), gearman_client_free);
  gearman_client_add_server(client.get(), host, port);
  gearman_client_set_timeout(client.get(), timeout_ms);
  return client;
}

// libgearman waits for the end of these jobs also where no server tells it: each has a client of
// its own that does not wait for long, and what became of it is seen at the server.
template <class Submit>
void submit_only(const char* host, in_port_t port, Submit submit) {
  const Client client = new_client(host, port, 300);
  gearman_argument_t workload = gearman_argument_make(nullptr, 0, "later", 5);
  submit(client.get(), &workload);
}

void submit_for_later(const char* host, in_port_t port) {
  submit_only(host, port, [](gearman_client_st* client, gearman_argument_t* workload) {
    gearman_task_attr_t due =
        gearman_task_attr_init_epoch(std::time(nullptr) + 1, GEARMAN_JOB_PRIORITY_NORMAL);
    return gearman_execute(client, "f", 1, "epoch", 5, &due, workload, nullptr);
  });
}

void submit_with_a_reducer(const char* host, in_port_t port) {
  submit_only(host, port, [](gearman_client_st* client, gearman_argument_t* workload) {
    return gearman_execute_by_partition(client, "reduced", 7, "reducer", 7, "reduce", 6, nullptr,
                                        workload, nullptr);
  });
  submit_only(host, port, [](gearman_client_st* client, gearman_argument_t* workload) {
    gearman_task_attr_t background = gearman_task_attr_init_background(GEARMAN_JOB_PRIORITY_NORMAL);
    return gearman_execute_by_partition(client, "reduced", 7, "reducer", 7, "reduce_bg", 9,
                                        &background, workload, nullptr);
  });
}

struct Heard {
  int created = 0, data = 0, warnings = 0, statuses = 0, complete = 0, failed = 0, exceptions = 0;
};

// What a callback is told goes to the counter that the member pointer names.
template <int Heard::*counter>
gearman_return_t count(gearman_task_st* task) {
  ++(static_cast<Heard*>(gearman_task_context(task))->*counter);
  return GEARMAN_SUCCESS;
}

// By a client without the exceptions option: with it, libgearman waits on after an exception.
void run_many_tasks(const char* host, in_port_t port) {
  const Client owner = new_client(host, port, patience_ms);
  gearman_client_st* const client = owner.get();
  Heard heard;
  gearman_client_set_created_fn(client, count<&Heard::created>);
  gearman_client_set_data_fn(client, count<&Heard::data>);
  gearman_client_set_warning_fn(client, count<&Heard::warnings>);
  gearman_client_set_status_fn(client, count<&Heard::statuses>);
  gearman_client_set_complete_fn(client, count<&Heard::complete>);
  gearman_client_set_fail_fn(client, count<&Heard::failed>);
  gearman_client_set_exception_fn(client, count<&Heard::exceptions>);
  std::vector<std::string> workloads;
  workloads.reserve(300);
  for (int i = 0; i < 300; ++i) {
    workloads.emplace_back(i % 3 == 0 ? "talk" : i % 3 == 1 ? "fail" : "raise");
  }
  for (const std::string& workload : workloads) {
    gearman_return_t code = GEARMAN_SUCCESS;
    gearman_client_add_task(client, nullptr, &heard, "f", nullptr, workload.data(), workload.size(),
                            &code);
    if (code != GEARMAN_SUCCESS) tell("add task", code);
  }
  gearman_client_run_tasks(client);
  std::printf(
      "tasks: %d created, %d data, %d warnings, %d statuses, %d complete, %d failed, "
      "%d exceptions\n",
      heard.created, heard.data, heard.warnings, heard.statuses, heard.complete, heard.failed,
      heard.exceptions);
}

int run_client(const char* host, in_port_t port) {
  const Client client = new_client(host, port, patience_ms);
  tell("option", gearman_client_set_server_option(client.get(), "exceptions", 10)
                     ? GEARMAN_SUCCESS
                     : GEARMAN_INVALID_SERVER_OPTION);
  submit_and_wait(client.get());
  submit_background(client.get());
  ask_about_jobs(client.get());
  submit_for_later(host, port);
  submit_with_a_reducer(host, port);
  run_many_tasks(host, port);
  gearman_job_handle_t handle{};
  tell("last", gearman_client_do_low_background(new_client(host, port, patience_ms).get(), "f",
                                                nullptr, "last", 4, handle));
  return 0;
}

struct Done {
  int jobs = 0;
  bool is_later_done = false;
  bool is_last_done = false;
};

// Says of the job what its workload asks for.
gearman_return_t work(gearman_job_st* job, void* context) {
  const std::string_view workload(static_cast<const char*>(gearman_job_workload(job)),
                                  gearman_job_workload_size(job));
  auto* const done = static_cast<Done*>(context);
  ++done->jobs;
  done->is_later_done |= workload == "later";
  done->is_last_done |= workload == "last";
  if (workload == "fail") return GEARMAN_FATAL;
  if (workload == "raise") return gearman_job_send_exception(job, "it broke", 8);
  if (workload == "talk") {
    gearman_job_send_status(job, 1, 2);
    gearman_job_send_data(job, "a part", 6);
    gearman_job_send_warning(job, "a warning", 9);
  }
  return gearman_job_send_complete(job, "done", 4);
}

int run_worker(const char* host, in_port_t port, std::string_view way) {
  const Worker worker(gearman_worker_create(nullptr), gearman_worker_free);
  gearman_worker_add_server(worker.get(), host, port);
  gearman_worker_set_timeout(worker.get(), patience_ms);
  gearman_worker_set_identifier(worker.get(), "libgearman", 10);
  gearman_worker_remove_options(worker.get(), GEARMAN_WORKER_GRAB_ALL);
  gearman_worker_remove_options(worker.get(), GEARMAN_WORKER_GRAB_UNIQ);
  if (way == "all") gearman_worker_add_options(worker.get(), GEARMAN_WORKER_GRAB_ALL);
  if (way == "unique") gearman_worker_add_options(worker.get(), GEARMAN_WORKER_GRAB_UNIQ);
  tell("echo", gearman_worker_echo(worker.get(), "bytes", 5));
  // One function that is taken back, all that are, one with a time limit, and the one that has the
  // jobs. What is registered is sent with the next grab.
  gearman_return_t code = GEARMAN_SUCCESS;
  gearman_worker_register(worker.get(), "passing", 0);
  gearman_worker_register(worker.get(), "other", 0);
  gearman_worker_grab_job(worker.get(), nullptr, &code);
  tell("nothing yet", code);
  gearman_worker_unregister(worker.get(), "passing");
  gearman_worker_grab_job(worker.get(), nullptr, &code);
  gearman_worker_unregister_all(worker.get());
  gearman_worker_grab_job(worker.get(), nullptr, &code);
  gearman_worker_register(worker.get(), "limited", 60);
  Done done;
  gearman_worker_define_function(worker.get(), "f", 1, gearman_function_create(work), 0, &done);
  while (!done.is_later_done || !done.is_last_done) {
    code = gearman_worker_work(worker.get());
    // A job that failed is told here once more.
    if (code != GEARMAN_SUCCESS && code != GEARMAN_WORK_FAIL && code != GEARMAN_WORK_EXCEPTION) {
      tell("work", code);
      return 1;
    }
  }
  std::printf("%d jobs\n", done.jobs);
  return 0;
}

// A job with a reducer, as libgearman means it: the worker's library submits each piece that the
// function sends as a job of the reducer, and its aggregator makes one result of theirs.

int split(const char* host, in_port_t port) {
  const Client client = new_client(host, port, patience_ms);
  gearman_argument_t words = gearman_argument_make(nullptr, 0, "one three seventeen", 19);
  gearman_task_st* task = gearman_execute_by_partition(client.get(), "lengths", 7, "length", 6,
                                                       "split", 5, nullptr, &words, nullptr);
  if (task == nullptr) {
    std::printf("no task: %s\n", gearman_client_error(client.get()));
    return 1;
  }
  const gearman_result_st* result = gearman_task_result(task);
  tell("split", gearman_task_return(task),
       result == nullptr ? ""
                         : std::string(gearman_result_value(result), gearman_result_size(result)));
  return 0;
}

gearman_return_t send_words(gearman_job_st* job, void*) {
  const std::string_view words(static_cast<const char*>(gearman_job_workload(job)),
                               gearman_job_workload_size(job));
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    gearman_job_send_data(job, words.data() + at, end - at);
    at = end + 1;
  }
  return GEARMAN_SUCCESS;
}

gearman_return_t send_length(gearman_job_st* job, void*) {
  const std::string length = std::to_string(gearman_job_workload_size(job));
  return gearman_job_send_complete(job, length.data(), length.size());
}

gearman_return_t add_up(gearman_aggregator_st*, gearman_task_st* task, gearman_result_st* sum) {
  int total = 0;
  for (; task != nullptr; task = gearman_next(task)) {
    const gearman_result_st* part = gearman_task_result(task);
    total += std::stoi(std::string(gearman_result_value(part), gearman_result_size(part)));
  }
  const std::string text = std::to_string(total);
  return gearman_result_store_value(sum, text.data(), text.size());
}

int work_on_parts(const char* host, in_port_t port, bool is_mapper) {
  const Worker worker(gearman_worker_create(nullptr), gearman_worker_free);
  gearman_worker_add_server(worker.get(), host, port);
  gearman_worker_set_timeout(worker.get(), patience_ms);
  const std::string_view name = is_mapper ? "lengths" : "length";
  const gearman_function_t function = is_mapper
                                          ? gearman_function_create_partition(send_words, add_up)
                                          : gearman_function_create(send_length);
  gearman_worker_define_function(worker.get(), name.data(), name.size(), function, 0, nullptr);
  tell(is_mapper ? "mapper" : "reducer", gearman_worker_work(worker.get()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc > 3 ? argv[3] : "";
  const bool has_way = role == "worker";
  if (argc != (has_way ? 5 : 4)) {
    std::fprintf(stderr,
                 "usage: libgearman_peer HOST PORT client|worker WAY|split|mapper|reducer\n");
    return 2;
  }
  const auto port = static_cast<in_port_t>(std::stoi(argv[2]));
  if (role == "client") return run_client(argv[1], port);
  if (role == "worker") return run_worker(argv[1], port, argv[4]);
  if (role == "split") return split(argv[1], port);
  return work_on_parts(argv[1], port, role == "mapper");
}
