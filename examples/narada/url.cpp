// SPDX-License-Identifier: BSD-3-Clause
// RFC 3986, sections 5.2 (references) and 6.2 (normal forms), by hand: Boost.URL 1.81 decodes %2F
// in paths, reads "http://h:x/" as a host "hx" and keeps a leading "..", and each of these would
// give a page two rows or fetch the wrong one.
#include "examples/narada/url.hpp"

#include <charconv>

#include "base/assert.hpp"
#include "examples/narada/text.hpp"

namespace gman::narada {
namespace {

// A reference, taken apart. Each part refers to the text; a part that is not there is nullopt.
struct Parts {
  std::optional<std::string_view> scheme;
  std::optional<std::string_view> authority;
  std::string_view path;
  std::optional<std::string_view> query;
};

bool is_scheme(std::string_view text) {
  if (text.empty() || !is_alnum(text.front()) || is_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; });
}

Parts split(std::string_view text) {
  Parts parts;
  if (const std::size_t colon = text.find_first_of(":/?");
      colon < text.size() && text[colon] == ':' && is_scheme(text.substr(0, colon))) {
    parts.scheme = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (text.starts_with("//")) {
    const std::size_t end = std::min(text.find_first_of("/?", 2), text.size());
    parts.authority = text.substr(2, end - 2);
    text.remove_prefix(end);
  }
  const std::size_t question = std::min(text.find('?'), text.size());
  parts.path = text.substr(0, question);
  if (question < text.size()) parts.query = text.substr(question + 1);
  return parts;
}

// As browsers do with what people write: without blanks around it, tabs and line feeds in it, and
// its fragment, and with `\` turned to `/` before the query.
std::string cleaned(std::string_view text) {
  text = trimmed(text);
  text = text.substr(0, text.find('#'));
  std::string out;
  bool in_query = false;
  for (const char c : text) {
    in_query = in_query || c == '?';
    if (c == '\t' || c == '\n' || c == '\r') continue;
    out += c == '\\' && !in_query ? '/' : c;
  }
  return out;
}

// One spelling of a path or query: what needs no escape has none, what needs one has it.
std::string normal_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    const bool escape =
        c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]);
    if (escape) {
      c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    }
    constexpr std::string_view unreserved = "-._~";
    constexpr std::string_view reserved = "/?:@!$&'()*+,;=";
    const bool plain = is_alnum(c) || unreserved.find(c) != unreserved.npos ||
                       (!escape && reserved.find(c) != reserved.npos);
    if (plain) {
      out += c;
    } else {
      append_percent_encoded(out, c);
    }
  }
  return out;
}

// RFC 3986, 5.2.4. Requires: `path` starts with a slash.
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t next = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(1, next - 1);
    const bool last = next == path.size();
    path.remove_prefix(next);
    if (segment == "..") out.erase(std::min(out.rfind('/'), out.size()));
    if (segment == "." || segment == "..") {
      if (last) out += '/';
    } else {
      out += '/';
      out += segment;
    }
  }
  return out;
}

bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 4) return false;
    host = host.substr(1, host.size() - 2);
    return std::all_of(host.begin(), host.end(),
                       [](char c) { return is_hex(c) || c == ':' || c == '.'; });
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '.' || c == '_';
  });
}

// "host" or "host:port", lower case, without the scheme's own port. A user is refused: no page
// needs one, and "http://known.example@evil.example/" lives on it.
std::optional<std::string> normal_authority(std::string_view authority, bool https) {
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  const std::string_view host = has_port ? authority.substr(0, colon) : authority;
  if (!is_host(host)) return std::nullopt;
  std::string out = lowered(host);
  const std::string_view digits = has_port ? authority.substr(colon + 1) : std::string_view();
  if (digits.empty()) return out;
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535) {
    return std::nullopt;
  }
  if (port != (https ? 443u : 80u)) out += ':' + std::to_string(port);
  return out;
}

// Requires: scheme and authority are there.
std::optional<std::string> normal(const Parts& parts) {
  const std::string scheme = lowered(*parts.scheme);
  if (scheme != "http" && scheme != "https") return std::nullopt;
  const auto authority = normal_authority(*parts.authority, scheme == "https");
  if (!authority) return std::nullopt;
  std::string url = scheme + "://" + *authority;
  url += without_dot_segments(parts.path.empty() ? "/" : normal_escapes(parts.path));
  if (parts.query) url += '?' + normal_escapes(*parts.query);
  if (url.size() > url_bytes_max) return std::nullopt;
  return url;
}

// The work on a text is bounded before it starts; escapes may shorten it to a third.
bool is_hopelessly_long(std::string_view text) {
  return text.size() > 4 * url_bytes_max;
}

}  // namespace

std::optional<std::string> normal_url(std::string_view url) {
  if (is_hopelessly_long(url)) return std::nullopt;
  const std::string text = cleaned(url);
  const Parts parts = split(text);
  if (!parts.scheme || !parts.authority) return std::nullopt;
  return normal(parts);
}

std::optional<std::string> resolve_url(std::string_view base, std::string_view reference) {
  if (is_hopelessly_long(reference)) return std::nullopt;
  const Parts from = split(base);
  GMAN_ASSERT(from.scheme && from.authority && from.path.starts_with('/'));
  const std::string text = cleaned(reference);
  Parts parts = split(text);
  std::string merged;
  if (parts.scheme) {
    if (!parts.authority) return std::nullopt;
    return normal(parts);
  }
  parts.scheme = from.scheme;
  if (!parts.authority) {
    parts.authority = from.authority;
    if (parts.path.empty()) {
      parts.path = from.path;
      if (!parts.query) parts.query = from.query;
    } else if (!parts.path.starts_with('/')) {
      merged = from.path.substr(0, from.path.rfind('/') + 1);
      merged += parts.path;
      parts.path = merged;
    }
  }
  return normal(parts);
}

std::string_view url_origin(std::string_view url) {
  const std::size_t host = url.find("://");
  GMAN_ASSERT(host != std::string_view::npos);
  return url.substr(0, url.find('/', host + 3));
}

std::string_view url_target(std::string_view url) {
  return url.substr(url_origin(url).size());
}

std::optional<Site> Site::parse(std::string_view prefix) {
  if (prefix.empty()) return Site({});
  auto normalized = normal_url(prefix);
  if (!normalized) return std::nullopt;
  return Site(std::move(*normalized));
}

bool Site::contains(std::string_view url) const {
  return url.starts_with(prefix_);
}

bool Site::reaches(std::string_view page, std::string_view url) const {
  return prefix_.empty() ? url_origin(page) == url_origin(url) : contains(url);
}

}  // namespace gman::narada
