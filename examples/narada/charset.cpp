// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/charset.hpp"

#include <iconv.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "examples/narada/text.hpp"

namespace gman::narada {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t meta_scan_bytes = 1024;

// The bytes of the UTF-8 character that starts at `at`; 0 when none does.
std::size_t character_size(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first == 0xF4 && byte(1) > 0x8F;
    return continues(1) && continues(2) && continues(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_size(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

class Iconv {
 public:
  explicit Iconv(const std::string& from) : handle_(iconv_open("UTF-8", from.c_str())) {}
  ~Iconv() {
    if (is_open()) iconv_close(handle_);
  }
  Iconv(const Iconv&) = delete;
  Iconv& operator=(const Iconv&) = delete;

  [[nodiscard]] bool is_open() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }

  [[nodiscard]] std::string convert(std::string_view bytes) {
    std::string out;
    std::array<char, 16384> buffer{};
    char* in = const_cast<char*>(bytes.data());
    std::size_t in_left = bytes.size();
    while (in_left > 0) {
      char* to = buffer.data();
      std::size_t to_left = buffer.size();
      const std::size_t done = iconv(handle_, &in, &in_left, &to, &to_left);
      out.append(buffer.data(), buffer.size() - to_left);
      if (done != static_cast<std::size_t>(-1) || errno == E2BIG) continue;
      out += replacement;  // EILSEQ, or EINVAL: cut off at the end
      if (errno == EINVAL) break;
      ++in;
      --in_left;
    }
    return out;
  }

 private:
  iconv_t handle_;
};

// What browsers read for a label: the web's latin1 is windows-1252.
std::string encoding_of(const std::string& label) {
  for (const char* name :
       {"iso-8859-1", "iso8859-1", "latin1", "l1", "us-ascii", "ascii", "cp1252", "x-cp1252"}) {
    if (label == name) return "windows-1252";
  }
  if (label == "utf8" || label == "unicode-1-1-utf-8") return "utf-8";
  return label;
}

std::optional<std::string> convert(std::string_view bytes, const std::string& label) {
  if (label.empty()) return std::nullopt;
  const std::string encoding = encoding_of(label);
  if (encoding == "utf-8") return valid_utf8(bytes);
  Iconv iconv(encoding);
  if (!iconv.is_open()) return std::nullopt;
  return valid_utf8(iconv.convert(bytes));
}

// A label as it may stand in HTML and headers. Nothing else reaches iconv_open(), whose names may
// carry options after a slash.
std::string label_at(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('"') || text.starts_with('\'')) text.remove_prefix(1);
  std::size_t size = 0;
  while (size < text.size() && size < 40 &&
         (is_alnum(text[size]) || std::string_view("-_:.").find(text[size]) != text.npos)) {
    ++size;
  }
  return lowered(text.substr(0, size));
}

std::string label_after(std::string_view text, std::size_t at) {
  const std::size_t equals = text.find_first_not_of(" \t\r\n\f", at);
  if (equals == std::string_view::npos || text[equals] != '=') return {};
  return label_at(text.substr(equals + 1));
}

// The charset of <meta charset=x> or <meta http-equiv content="text/html; charset=x">.
std::string meta_charset(std::string_view bytes) {
  const std::string head = lowered(bytes.substr(0, meta_scan_bytes));
  for (std::size_t tag = head.find("<meta"); tag != std::string::npos;
       tag = head.find("<meta", tag + 1)) {
    const std::string_view meta = std::string_view(head).substr(tag, head.find('>', tag) - tag);
    const std::size_t charset = meta.find("charset");
    if (charset == std::string_view::npos) continue;
    std::string label = label_after(meta, charset + 7);
    // A meta that was read as ASCII cannot tell the truth when it says UTF-16.
    if (label.starts_with("utf-16")) label = "utf-8";
    if (!label.empty()) return label;
  }
  return {};
}

}  // namespace

std::string charset_of(std::string_view content_type) {
  const std::string value = lowered(content_type);
  const std::size_t charset = value.find("charset");
  return charset == std::string::npos ? std::string() : label_after(value, charset + 7);
}

std::string valid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = character_size(bytes, at);
    if (size == 0 || bytes[at] == '\0') {
      out += replacement;
      ++at;
    } else {
      out += bytes.substr(at, size);
      at += size;
    }
  }
  return out;
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

std::string to_utf8(std::string_view bytes, std::string_view content_type) {
  if (bytes.starts_with("\xEF\xBB\xBF")) return valid_utf8(bytes.substr(3));
  if (bytes.starts_with("\xFE\xFF")) return *convert(bytes.substr(2), "utf-16be");
  if (bytes.starts_with("\xFF\xFE")) return *convert(bytes.substr(2), "utf-16le");
  if (auto text = convert(bytes, charset_of(content_type))) return *std::move(text);
  if (auto text = convert(bytes, meta_charset(bytes))) return *std::move(text);
  if (is_valid_utf8(bytes)) return valid_utf8(bytes);
  return *convert(bytes, "windows-1252");
}

}  // namespace gman::narada
