// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/robots.hpp"

#include "examples/narada/text.hpp"

namespace gman::narada {
namespace {

// The product token that a User-agent line starts with: "narada/0.1 (x)" is "narada".
std::string_view product_of(std::string_view value) {
  std::size_t size = 0;
  while (size < value.size() &&
         (is_alnum(value[size]) || value[size] == '-' || value[size] == '_')) {
    ++size;
  }
  return value.substr(0, size);
}

// One spelling for a pattern and for a target: bytes that need no escape lose it, bytes that a URI
// may not hold get one, and hex digits are upper case.
std::string normal_target(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
      if (!is_alnum(c) && std::string_view("-._~").find(c) == std::string_view::npos) {
        append_percent_encoded(out, c);
        continue;
      }
    } else if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) > '~') {
      append_percent_encoded(out, c);
      continue;
    }
    out += c;
  }
  return out;
}

// `*` stands for any bytes, `$` at the end for the end. Matching is greedy with one point of
// return, so its cost is at most pattern times target, whatever the pattern.
bool matches(std::string_view pattern, std::string_view target) {
  const bool anchored = pattern.ends_with('$');
  if (anchored) pattern.remove_suffix(1);
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_target = 0;
  while (true) {
    if (p == pattern.size() && (!anchored || t == target.size())) return true;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_target = t;
    } else if (p < pattern.size() && t < target.size() && pattern[p] == target[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos && star_target < target.size()) {
      p = star + 1;
      t = ++star_target;
    } else {
      return false;
    }
  }
}

struct Line {
  std::string key;  // lower case; empty when the line says nothing
  std::string_view value;
};

Line parse_line(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  return {lowered(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1))};
}

}  // namespace

Robots Robots::allow_all() {
  return {};
}

Robots Robots::disallow_all() {
  Robots robots;
  robots.rules_.push_back({"/", false});
  return robots;
}

Robots Robots::parse(std::string_view text, std::string_view product) {
  text = text.substr(0, robots_bytes_max);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);

  Robots ours;
  Robots everybodys;
  bool named = false;          // some group names our product
  bool in_ours = false;        // the current group is for us
  bool in_everybodys = false;  // … or for everybody
  bool in_agents = false;      // its User-agent lines are still coming
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const Line line = parse_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));

    if (line.key == "user-agent") {
      if (!in_agents) in_ours = in_everybodys = false;
      in_agents = true;
      if (line.value.starts_with('*')) in_everybodys = true;
      if (equal_ignoring_case(product_of(line.value), product)) in_ours = named = true;
    } else if (line.key == "allow" || line.key == "disallow") {
      in_agents = false;
      if (line.value.empty()) continue;  // "Disallow:" forbids nothing
      const Rule rule{normal_target(line.value), line.key == "allow"};
      if (in_ours) ours.rules_.push_back(rule);
      if (in_everybodys) everybodys.rules_.push_back(rule);
    }
  }
  return named ? ours : everybodys;
}

bool Robots::allows(std::string_view target) const {
  if (target == "/robots.txt") return true;
  const std::string normal = normal_target(target);
  const Rule* best = nullptr;
  for (const Rule& rule : rules_) {
    if (!matches(rule.pattern, normal)) continue;
    if (best == nullptr || rule.pattern.size() > best->pattern.size() ||
        (rule.pattern.size() == best->pattern.size() && rule.allow)) {
      best = &rule;
    }
  }
  return best == nullptr || best->allow;
}

}  // namespace gman::narada
