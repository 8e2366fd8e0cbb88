// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/settings.hpp"

#define TOML_EXCEPTIONS 0
#include <dlfcn.h>
#include <gman/gman.h>
#include <sys/stat.h>
#include <toml++/toml.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "udf_mysql/guarded.hpp"
#include "udf_mysql/plugin.hpp"
#include "udf_mysql/servers.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// Reads one key after the other and knows where in the file each stands.
class File {
 public:
  explicit File(const std::string& path) : path_(path) {}

  [[noreturn]] void fail(const toml::source_region& where, const std::string& why) const {
    throw SqlError(path_ + ":" + std::to_string(where.begin.line) + ": " + why);
  }

  std::int32_t milliseconds(const toml::key& key, const toml::node& node,
                            std::int64_t least) const {
    return number(key, node, " of milliseconds", least, timeout_ms_max);
  }

  std::int32_t number(const toml::key& key, const toml::node& node, const char* unit,
                      std::int64_t least, std::int64_t most) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < least || *value > most) {
      fail(node.source(), std::string(key.str()) + " must be a whole number" + unit + ", " +
                              std::to_string(least) + " to " + std::to_string(most));
    }
    return static_cast<std::int32_t>(*value);
  }

  OnError policy(const toml::node& node) const {
    const auto policy = on_error_named(node.value_exact<std::string>().value_or(""));
    if (!policy) fail(node.source(), "on_error must be \"error\", \"warning\" or \"null\"");
    return *policy;
  }

  bool boolean(const toml::key& key, const toml::node& node) const {
    const auto value = node.value_exact<bool>();
    if (!value) fail(node.source(), std::string(key.str()) + " must be true or false");
    return *value;
  }

  std::string servers(const toml::key& key, const toml::node& node) const {
    std::string list;
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& entry : *array) {
        if (!list.empty()) list += ',';
        list += string(key, entry);
      }
    } else {
      list = string(key, node);
    }
    char why[256];
    if (!list.empty() && gman_servers_check(list.c_str(), why, sizeof why) != GMAN_OK) {
      fail(node.source(), std::string(key.str()) + ": " + why);
    }
    return list;
  }

 private:
  std::string string(const toml::key& key, const toml::node& node) const {
    const auto value = node.value_exact<std::string>();
    if (!value) {
      fail(node.source(), std::string(key.str()) + " must be a string or an array of strings");
    }
    return *value;
  }

  const std::string& path_;
};

/// "…/plugin/gman_udf.toml", where this code was loaded from.
const std::string& file_path() {
  static const std::string path = [] {
    Dl_info self{};
    if (dladdr(reinterpret_cast<const void*>(&file_path), &self) == 0) return std::string();
    const std::string object = self.dli_fname;
    return object.substr(0, object.find_last_of('/') + 1) + "gman_udf.toml";
  }();
  return path;
}

/// What tells one state of the file from the next, without opening it.
struct FileState {
  bool exists = false;
  ino_t inode = 0;
  off_t bytes = 0;
  timespec changed{};

  bool operator==(const FileState& other) const {
    return exists == other.exists && inode == other.inode && bytes == other.bytes &&
           changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
  }
};

FileState look_at_file() {
  struct stat found {};
  if (stat(file_path().c_str(), &found) == 0) {
    return {true, found.st_ino, found.st_size, found.st_mtim};
  }
  if (errno == ENOENT) return {};
  throw SqlError(file_path() + ": " + std::strerror(errno));
}

std::string read_file() {
  const auto fail = [] { throw SqlError(file_path() + ": " + std::strerror(errno)); };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(file_path().c_str(), "rbe"),
                                                             std::fclose);
  if (!file) fail();
  std::string text;
  char part[4096];
  while (const std::size_t bytes = std::fread(part, 1, sizeof part, file.get())) {
    text.append(part, bytes);
  }
  if (std::ferror(file.get()) != 0) fail();
  return text;
}

[[noreturn]] void fail_environment(const char* name, const char* why) {
  throw SqlError(std::string(name) + " in the server's environment: " + why);
}

void apply_servers(const char* name, std::string& list) {
  const char* servers = std::getenv(name);
  if (servers == nullptr) return;
  char why[256];
  if (*servers != '\0' && gman_servers_check(servers, why, sizeof why) != GMAN_OK) {
    fail_environment(name, why);
  }
  list = servers;
}

void apply_environment(Settings& settings) {
  apply_servers("GMAN_SERVERS", settings.servers);
  apply_servers("GMAN_ALLOWED_SERVERS", settings.allowed_servers);
  if (const char* name = std::getenv("GMAN_ON_ERROR")) {
    const auto policy = on_error_named(name);
    if (!policy) fail_environment("GMAN_ON_ERROR", "must be error, warning or null");
    settings.on_error = *policy;
  }
  if (const char* allow = std::getenv("GMAN_ALLOW_SERVERS_SET")) {
    settings.allow_servers_set = std::strcmp(allow, "1") == 0;
  }
}

struct Loaded {
  FileState file;
  std::shared_ptr<const Settings> settings;
};

Guarded<Loaded>& loaded() {
  static auto& instance = *new Guarded<Loaded>;
  return instance;
}

}  // namespace

Settings::Settings() {
  gman_settings defaults;
  gman_settings_default(&defaults);
  connect_timeout_ms = defaults.connect_timeout_ms;
  deadline_ms = defaults.deadline_ms;
  answer_timeout_ms = defaults.answer_timeout_ms;
}

Settings parse_settings(std::string_view text, const std::string& path) {
  const File file(path);
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    file.fail(parsed.error().source(), std::string(parsed.error().description()));
  }
  Settings settings;
  for (const auto& [key, node] : parsed.table()) {
    if (key == "servers") {
      settings.servers = file.servers(key, node);
    } else if (key == "allowed_servers") {
      settings.allowed_servers = file.servers(key, node);
    } else if (key == "on_error") {
      settings.on_error = file.policy(node);
    } else if (key == "send_on_replica") {
      settings.send_on_replica = file.boolean(key, node);
    } else if (key == "idle_connections_max") {
      settings.idle_connections_max = file.number(key, node, "", 0, idle_connections_limit);
    } else if (key == "allow_servers_set") {
      settings.allow_servers_set = file.boolean(key, node);
    } else if (key == "connect_timeout_ms") {
      settings.connect_timeout_ms = file.milliseconds(key, node, 1);
    } else if (key == "deadline_ms") {
      settings.deadline_ms = file.milliseconds(key, node, 0);
    } else if (key == "answer_timeout_ms") {
      settings.answer_timeout_ms = file.milliseconds(key, node, 0);
    } else {
      file.fail(key.source(), "unknown key '" + std::string(key.str()) + "'");
    }
  }
  return settings;
}

std::shared_ptr<const Settings> settings() {
  if (auto variables = plugin_settings()) return variables;
  const FileState now = look_at_file();
  auto known =
      loaded().with([&](const Loaded& last) { return last.file == now ? last.settings : nullptr; });
  if (known) return known;
  Settings fresh = now.exists ? parse_settings(read_file(), file_path()) : Settings();
  apply_environment(fresh);
  check_allowed(fresh.servers, fresh.allowed_servers);
  auto shared = std::make_shared<const Settings>(std::move(fresh));
  loaded().with([&](Loaded& last) { last = {now, shared}; });
  return shared;
}

}  // namespace gman::udf
