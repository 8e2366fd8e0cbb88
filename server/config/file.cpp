// SPDX-License-Identifier: BSD-3-Clause
#include "server/config/file.hpp"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>

#include "server/config/value.hpp"

namespace gman::config {
namespace {

std::string place_of(const std::string& path, const toml::source_region& region) {
  return path + ":" + std::to_string(region.begin.line) + ": ";
}

std::optional<std::string> text_of(const toml::node& node, Kind kind) {
  const auto text = node.value_exact<std::string>();
  const auto number = node.value_exact<std::int64_t>();
  switch (kind) {
    case Kind::flag:
      if (const auto value = node.value_exact<bool>()) return toml_boolean(*value);
      return std::nullopt;
    case Kind::seconds:
      if (const auto value = node.value_exact<double>()) {
        std::array<char, 32> digits{};
        std::snprintf(digits.data(), digits.size(), "%.17g", *value);
        return digits.data();
      }
      [[fallthrough]];
    case Kind::integer: return number ? std::optional(std::to_string(*number)) : std::nullopt;
    case Kind::bytes: return number ? std::optional(std::to_string(*number)) : text;
    case Kind::text:
    case Kind::list: return text;
  }
  return std::nullopt;
}

// What the type must be, where `allowed` says only what it must say.
std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::flag:
    case Kind::integer:
    case Kind::seconds: return "";
    case Kind::bytes: return " (text in quotes)";
    case Kind::text: return ", in quotes";
    case Kind::list: return ", in quotes, or an array of these";
  }
  return "";
}

std::optional<std::vector<std::string>> values_of(const toml::node& node, Kind kind) {
  std::vector<std::string> values;
  const toml::array* array = kind == Kind::list ? node.as_array() : nullptr;
  if (array == nullptr) {
    auto value = text_of(node, kind);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
    return values;
  }
  for (const toml::node& element : *array) {
    auto value = text_of(element, kind);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
  }
  return values;
}

std::variant<std::vector<Setting>, Mistake> read_toml(std::string_view text,
                                                      const std::string& path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    std::string why(parsed.error().description());
    std::ranges::replace(why, '\n', ' ');
    return Mistake{place_of(path, parsed.error().source()) + why};
  }
  std::vector<Setting> settings;
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    const std::string place = place_of(path, key.source());
    const auto later = std::ranges::find(later_options(), name, &LaterOption::name);
    if (later != later_options().end()) {
      return Mistake{place + name + ": this version of gmand " + std::string(later->lacks)};
    }
    const Option* option = find_option(name);
    if (option == nullptr) {
      return Mistake{place + name + " is no option" +
                     (node.is_table() ? ": there are no tables, all keys stand before any [...]"
                                      : "; the nearest is " + std::string(nearest_name(name)))};
    }
    auto values = values_of(node, option->field.kind);
    if (!values || values->empty()) {
      return Mistake{place + name + " must be " + option->field.allowed +
                     std::string(type_name(option->field.kind))};
    }
    settings.push_back({option, std::move(*values), place + name});
  }
  return settings;
}

}  // namespace

std::variant<std::vector<Setting>, Mistake> read_text(std::string_view text,
                                                      const std::string& path) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '-') return read_toml(text, path);
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return read_option_words(words, path);
}

std::variant<std::vector<Setting>, Mistake> read_file(const std::string& path) {
  const auto fail = [&path] { return Mistake{path + ": " + std::strerror(errno)}; };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             std::fclose);
  if (!file) return fail();
  std::string text(file_bytes_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return fail();
  if (text.size() > file_bytes_max) {
    return Mistake{path + ": is larger than " + std::to_string(file_bytes_max) + " bytes"};
  }
  return read_text(text, path);
}

}  // namespace gman::config
