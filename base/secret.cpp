// SPDX-License-Identifier: BSD-3-Clause
#include "base/secret.hpp"

#include <algorithm>

namespace gman {
namespace {

constexpr std::string_view shown = "PASSWORD";

}  // namespace

std::string without_password(std::string_view url) {
  std::string text(url);
  const std::size_t scheme = text.find("://");
  if (scheme == text.npos) return text;
  const std::size_t begin = scheme + 3;
  const std::size_t at = text.rfind('@', text.find('?', begin));
  const std::size_t colon = text.find(':', begin);
  if (at != text.npos && colon < at) text.replace(colon + 1, at - colon - 1, shown);
  constexpr std::string_view option = "password=";
  for (std::size_t next = begin; (next = text.find(option, next)) != text.npos;) {
    next += option.size();
    const std::size_t end = std::min(text.find('&', next), text.size());
    text.replace(next, end - next, shown);
  }
  return text;
}

}  // namespace gman
