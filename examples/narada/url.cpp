// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <boost/url/url_view.hpp>

#include "base/assert.hpp"
#include "examples/narada/text.hpp"

namespace gman::narada {
namespace {

// Percent-encodes what a URI may not hold, drops tabs and line feeds, and turns `\` into `/`, as
// browsers do. Brackets are allowed around an IPv6 host only, so they stay inside "//host".
std::string encode_leniently(std::string_view text) {
  std::size_t authority_end = 0;
  if (const std::size_t slashes = text.find("//"); slashes != std::string_view::npos) {
    authority_end = std::min(text.find_first_of("/?", slashes + 2), text.size());
  }
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\t' || c == '\n' || c == '\r') continue;
    const bool escape =
        c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]);
    const bool bracket = (c == '[' || c == ']') && i < authority_end;
    if (is_alnum(c) || escape || bracket ||
        std::string_view("-._~:/?@!$&'()*+,;=").find(c) != std::string_view::npos) {
      out += c;
    } else if (c == '\\') {
      out += '/';
    } else {
      append_percent_encoded(out, c);
    }
  }
  return out;
}

std::string_view without_fragment(std::string_view text) {
  return text.substr(0, text.find('#'));
}

std::optional<std::string> normal(boost::urls::url url) {
  const bool http = url.scheme() == "http";
  if ((!http && url.scheme() != "https") || url.has_userinfo() || url.host().empty()) {
    return std::nullopt;
  }
  if (url.has_port() && (url.port().empty() || url.port() == (http ? "80" : "443"))) {
    url.remove_port();
  }
  if (url.has_port() && url.port_number() == 0) return std::nullopt;  // over 65535, or 0
  if (url.encoded_path().empty()) url.set_path_absolute(true);
  url.remove_fragment();
  url.normalize();
  if (url.buffer().size() > url_bytes_max) return std::nullopt;
  return std::string(url.buffer());
}

}  // namespace

std::optional<std::string> normal_url(std::string_view url) {
  if (url.size() > 2 * url_bytes_max) return std::nullopt;
  const auto parsed = boost::urls::parse_uri(encode_leniently(without_fragment(trimmed(url))));
  if (!parsed || !parsed->has_authority()) return std::nullopt;
  boost::urls::url copy(*parsed);
  copy.normalize_scheme();
  return normal(std::move(copy));
}

std::optional<std::string> resolve_url(std::string_view base, std::string_view reference) {
  const auto from = boost::urls::parse_uri(base);
  GMAN_ASSERT(from.has_value());
  if (reference.size() > 2 * url_bytes_max) return std::nullopt;
  const std::string encoded = encode_leniently(without_fragment(trimmed(reference)));
  const auto parsed = boost::urls::parse_uri_reference(encoded);
  if (!parsed) return std::nullopt;
  if (parsed->has_scheme()) return normal_url(encoded);
  boost::urls::url resolved;
  if (!boost::urls::resolve(*from, *parsed, resolved)) return std::nullopt;
  return normal(std::move(resolved));
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
