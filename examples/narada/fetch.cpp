// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/fetch.hpp"

#include <curl/curl.h>

#include <array>
#include <mutex>
#include <new>

#include "examples/narada/text.hpp"
#include "examples/narada/url.hpp"

namespace gman::narada {
namespace {

// The body of an error page or a redirect is read and dropped, so that the connection can be used
// again; a longer one is not worth it.
constexpr std::size_t unwanted_bytes_max = 64 * 1024;

bool is_html(std::string_view content_type) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  return type.empty() || equal_ignoring_case(type, "text/html") ||
         equal_ignoring_case(type, "application/xhtml+xml");
}

// What the write callback knows and decides about the body on its way.
struct Transfer {
  CURL* handle;
  Want want;
  std::size_t bytes_max;
  std::string body{};
  std::size_t dropped = 0;
  bool too_large = false;
  bool not_wanted = false;

  bool take(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) {
      dropped += bytes.size();
      return dropped <= unwanted_bytes_max;
    }
    const char* type = nullptr;
    curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
    not_wanted = want == Want::html && !is_html(type == nullptr ? "" : type);
    if (not_wanted) return false;
    // What announces too much is not read at all, unless its beginning is of use.
    curl_off_t announced = -1;
    curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    too_large = bytes.size() > bytes_max - body.size() ||
                (want == Want::html && announced > static_cast<curl_off_t>(bytes_max));
    if (too_large && want == Want::html) return false;
    body += bytes.substr(0, bytes_max - body.size());
    return !too_large;
  }
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->take({data, size}) ? size : CURL_WRITEFUNC_ERROR;
}

}  // namespace

void Fetcher::Close::operator()(void* handle) const {
  curl_easy_cleanup(handle);
}

Fetcher::Fetcher(FetchSettings settings) : settings_(std::move(settings)) {
  static std::once_flag library;
  std::call_once(library, [] { curl_global_init(CURL_GLOBAL_ALL); });
  handle_.reset(curl_easy_init());
  if (!handle_) throw std::bad_alloc();
  CURL* handle = handle_.get();
  curl_easy_setopt(handle, CURLOPT_USERAGENT, settings_.user_agent.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(settings_.time_max.count()));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl can undo
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);       // our normal form is the right one
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_body);
}

Fetcher::~Fetcher() = default;

Answer Fetcher::get(const std::string& url, Want want) {
  CURL* handle = handle_.get();
  Transfer transfer{handle, want, settings_.page_bytes_max};
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  const CURLcode code = curl_easy_perform(handle);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, nullptr);

  Answer answer;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
  const char* type = nullptr;
  curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) answer.content_type = type;

  if (transfer.not_wanted || (code == CURLE_OK && answer.status / 100 == 2 && want == Want::html &&
                              !is_html(answer.content_type))) {
    answer.end = Answer::End::not_wanted;
    answer.detail = answer.content_type;
  } else if (transfer.too_large) {
    answer.end = Answer::End::too_large;
    answer.body = std::move(transfer.body);
  } else if (code == CURLE_OPERATION_TIMEDOUT) {
    answer.end = Answer::End::timed_out;
  } else if (code != CURLE_OK && transfer.dropped <= unwanted_bytes_max) {
    answer.end = Answer::End::failed;
    answer.detail = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
  } else if (answer.status / 100 == 2) {
    answer.end = Answer::End::body;
    answer.body = std::move(transfer.body);
  } else if (answer.status / 100 == 3) {
    answer.end = Answer::End::redirect;
    curl_header* header = nullptr;
    if (curl_easy_header(handle, "Location", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
      answer.location = resolve_url(url, header->value).value_or("");
    }
  } else {
    answer.end = Answer::End::status;
  }
  return answer;
}

}  // namespace gman::narada
