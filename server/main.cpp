// SPDX-License-Identifier: BSD-3-Clause
// gmand's life, in order.
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "base/pages_ahead.hpp"
#include "base/secret.hpp"
#include "server/config.hpp"
#include "server/config/effective.hpp"
#include "server/config/engine_settings.hpp"
#include "server/engine/engine.hpp"
#include "server/net/handle_prefix.hpp"
#include "server/net/listener.hpp"
#include "server/net/load_jobs.hpp"
#include "server/net/log_file.hpp"
#include "server/net/server.hpp"
#include "server/net/service_manager.hpp"
#include "server/net/syslog.hpp"
#include "server/process/account.hpp"
#include "server/process/background.hpp"
#include "server/process/error.hpp"
#include "server/process/passed_sockets.hpp"
#include "server/process/pid_file.hpp"
#include "server/process/resources.hpp"
#include "server/store/store.hpp"
#include "server/store/writer.hpp"
#include "server/store_command/left_jobs.hpp"
#include "server/store_command/store_command.hpp"

namespace {

int refuse(const std::string& what) {
  std::fprintf(stderr, "gmand: %s\n", what.c_str());
  return gman::exit_bad_config;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "gmand";
}

std::uint64_t random_number() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

std::string prefix_of_handles(const gman::ServerConfig& config) {
  const auto start = std::chrono::system_clock::now();
  return config.job_handle_prefix.empty() ? gman::handle_prefix(host_name(), start)
                                          : gman::with_start(config.job_handle_prefix, start);
}

// Lines are lost until there is a syslog, which may start after us.
void say_if_syslog_is_missing(const gman::ServerConfig& config) {
  if (!config.syslog) return;
  const auto connected = gman::Syslog(config.syslog_socket).connect();
  if (connected) return;
  std::fprintf(stderr, "gmand: no syslog at %s: %s; what it is sent until then is lost\n",
               config.syslog_socket.c_str(), connected.error().message().c_str());
}

void say_what_is_unheeded(const gman::Log& log, const gman::ServerConfig& config) {
  for (const auto& [option, why] : gman::config::unheeded(config)) {
    log.warn("option accepted for compatibility, it changes nothing",
             {{"option", option}, {"because", why}});
  }
}

std::string told(const gman::StoreFault& fault, const gman::Store& store) {
  return "store " + store.name() + ": " + fault.text;
}

template <class T>
T taken(std::variant<T, gman::StoreFault> outcome, const gman::Store& store) {
  if (const auto* fault = std::get_if<gman::StoreFault>(&outcome)) {
    throw gman::StartError(told(*fault, store));
  }
  return std::move(std::get<T>(outcome));
}

/// nullptr: jobs are kept in memory.
std::unique_ptr<gman::Store> open_store_at(const std::string& url) {
  if (url.empty()) return nullptr;
  auto opened = gman::open_store(url);
  if (const auto* fault = std::get_if<gman::StoreFault>(&opened)) {
    throw gman::StartError("store " + gman::without_password(url) + ": " + fault->text);
  }
  return std::move(std::get<std::unique_ptr<gman::Store>>(opened));
}

/// Who gives gearmand's options expects gearmand's jobs.
void say_what_gearmand_left(const gman::Log& log, gman::Store& store,
                            const gman::config::StorePlace& place) {
  if (!place.left) return;
  const auto found = gman::find_left_jobs(store, place.url, place.left->from, place.left->table);
  if (const auto* fault = std::get_if<gman::StoreFault>(&found)) {
    log.warn("cannot tell whether gearmand has left jobs", {{"because", fault->text}});
    return;
  }
  const auto& left = std::get<std::optional<gman::LeftJobs>>(found);
  if (!left) return;
  if (left->imported.empty()) {
    log.error("gearmand has left jobs, which nobody runs: stop, import them, and start again",
              {{"queue", left->queue}, {"jobs", left->jobs}, {"command", left->import_command}});
  } else {
    log.info("gearmand's queue is still there, and was imported",
             {{"queue", left->queue}, {"jobs", left->jobs}, {"imported", left->imported}});
  }
}

void run(const gman::ServerConfig& config, gman::ServerHooks hooks) {
  std::vector<gman::UniqueFd> passed = gman::take_passed_sockets();
  std::signal(SIGPIPE, SIG_IGN);
  gman::set_descriptor_limit(config.file_descriptors);
  gman::give_large_blocks_back();
  const auto account =
      config.user.empty() ? std::nullopt : std::optional<gman::Account>(config.user);
  auto background = config.daemon ? std::optional<gman::Background>(std::in_place) : std::nullopt;
  auto manager = gman::ServiceManager::from_environment();
  auto log_file = gman::LogFile::open(config.log_file);
  if (!log_file) {
    throw gman::StartError("cannot open the log file " + config.log_file + ": " +
                           log_file.error().message());
  }
  gman::Log log(log_file->fd(), config.verbosity, config.log_format);
  say_if_syslog_is_missing(config);

  // Beyond this point there is a log, and what goes wrong with a connection goes there.

  auto listeners = gman::open_listeners(config, std::move(passed));
  std::optional<gman::PidFile> pid_file;
  if (!config.pid_file.empty()) pid_file.emplace(config.pid_file);
  if (account) {
    for (const gman::Listener& listener : listeners) {
      if (!listener.path().empty()) account->give_path(listener.path());
    }
    account->give_file(log_file->fd());
    account->become();
  }
  if (config.coredump) gman::allow_core_file();

  // Beyond this point there is nothing left of root, if there ever was.

  hooks.ready = [&] {
    say_what_is_unheeded(log, config);
    if (background) background->ready();
  };
  gman::EngineSettings settings{
      .handle_prefix = prefix_of_handles(config),
      .hash_seed = random_number(),
  };
  const gman::config::StorePlace place = config.store_place();
  std::unique_ptr<gman::Store> store = open_store_at(place.url);
  std::vector<gman::StoreStart> starts;
  if (store != nullptr) {
    starts = taken(store->begin(settings.handle_prefix), *store);
    settings.has_store = true;
    settings.first_job_number = gman::JobNumber{starts.back().number}
                                << gman::job_number_start_shift;
  }
  gman::config::set(settings, config);
  gman::PagesAhead pages_ahead;
  settings.pages_ahead = &pages_ahead;
  gman::Engine engine(settings);
  for (const gman::StoreStart& start : starts) {
    if (start.number != starts.back().number) engine.know_start(start.number, start.handle_prefix);
  }
  std::unique_ptr<gman::StoreWriter> writer;
  if (store != nullptr) {
    if (const auto fault =
            gman::load_jobs(*store, engine, settings.workload_memory_bytes_max, log, manager)) {
      throw gman::StartError(told(*fault, *store));
    }
    say_what_gearmand_left(log, *store, place);
    writer = std::make_unique<gman::StoreWriter>(std::move(store));
  }
  gman::Server server(config, std::move(settings), engine, std::move(writer), std::move(listeners),
                      log, *log_file, manager, std::move(hooks));

  // Beyond this point clients can connect, and no mistake of theirs ends the server.

  server.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "store") {
    return gman::run_store_command(argc - 1, argv + 1);
  }
  const auto parsed = gman::parse_command_line(argc, argv);
  if (const auto* end = std::get_if<gman::CommandLineEnd>(&parsed)) {
    std::fputs(end->text.c_str(), end->status == 0 ? stdout : stderr);
    return end->status;
  }

  // Beyond this point the configuration is known to be sound.

  try {
    run(std::get<gman::ServerConfig>(parsed),
        {.read_config = [&] { return gman::parse_command_line(argc, argv); }});
  } catch (const gman::ListenError& error) {
    return refuse(error.what());
  } catch (const gman::StartError& error) {
    return refuse(error.what());
  }
  return 0;
}
