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
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// An hour: a longer wait is none.
constexpr std::int64_t timeout_ms_max = 3'600'000;

/// Reads one key after the other and knows where in the file each stands.
class File {
 public:
  explicit File(const std::string& path) : path_(path) {}

  [[noreturn]] void fail(const toml::source_region& where, const std::string& why) const {
    throw SqlError(path_ + ":" + std::to_string(where.begin.line) + ": " + why);
  }

  std::int32_t milliseconds(const toml::key& key, const toml::node& node,
                            std::int64_t least) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < least || *value > timeout_ms_max) {
      fail(node.source(), std::string(key.str()) + " must be a whole number of milliseconds, " +
                              std::to_string(least) + " to " + std::to_string(timeout_ms_max));
    }
    return static_cast<std::int32_t>(*value);
  }

  bool boolean(const toml::key& key, const toml::node& node) const {
    const auto value = node.value_exact<bool>();
    if (!value) fail(node.source(), std::string(key.str()) + " must be true or false");
    return *value;
  }

  std::string servers(const toml::node& node) const {
    std::string list;
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& entry : *array) {
        if (!list.empty()) list += ',';
        list += string(entry);
      }
    } else {
      list = string(node);
    }
    char why[256];
    if (!list.empty() && gman_servers_check(list.c_str(), why, sizeof why) != GMAN_OK) {
      fail(node.source(), std::string("servers: ") + why);
    }
    return list;
  }

 private:
  std::string string(const toml::node& node) const {
    const auto value = node.value_exact<std::string>();
    if (!value) fail(node.source(), "servers must be a string or an array of strings");
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

void apply_environment(Settings& settings) {
  if (const char* servers = std::getenv("GMAN_SERVERS")) {
    char why[256];
    if (*servers != '\0' && gman_servers_check(servers, why, sizeof why) != GMAN_OK) {
      throw SqlError(std::string("GMAN_SERVERS in the server's environment: ") + why);
    }
    settings.servers = servers;
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
      settings.servers = file.servers(node);
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
  const FileState now = look_at_file();
  auto known =
      loaded().with([&](const Loaded& last) { return last.file == now ? last.settings : nullptr; });
  if (known) return known;
  Settings fresh = now.exists ? parse_settings(read_file(), file_path()) : Settings();
  apply_environment(fresh);
  auto shared = std::make_shared<const Settings>(std::move(fresh));
  loaded().with([&](Loaded& last) { last = {now, shared}; });
  return shared;
}

}  // namespace gman::udf
