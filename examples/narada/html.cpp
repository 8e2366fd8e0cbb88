// SPDX-License-Identifier: BSD-3-Clause
// Gumbo builds the tree. It is given an arena of ours, for three reasons: freeing its trees
// recurses as deep as the page nests, an arena is freed at once instead; parsing can be stopped, by
// leaving it with longjmp() out of an allocation, when it uses more than it may (the frames in
// between are C and own nothing but arena memory); and it is quicker. Our own walk does not recurse
// either.
#include "examples/narada/html.hpp"

#include <gumbo.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <memory_resource>
#include <unordered_set>

#include "base/time.hpp"
#include "examples/narada/charset.hpp"
#include "examples/narada/text.hpp"
#include "examples/narada/url.hpp"

namespace gman::narada {
namespace {

class Arena {
 public:
  explicit Arena(const ParseLimits& limits)
      : bytes_left_(limits.memory_bytes_max),
        deadline_(std::chrono::steady_clock::now() + limits.time_max) {}

  // The tree lives as long as the arena. nullptr: over the limits.
  const GumboOutput* parse(std::string_view html) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = &Arena::allocate;
    options.deallocator = [](void*, void*) {};
    options.userdata = this;
    options.max_errors = 0;
    return parse_or_leave(options, html);
  }

 private:
  const GumboOutput* parse_or_leave(const GumboOptions& options, std::string_view html) {
    if (setjmp(leave_) != 0) return nullptr;
    return gumbo_parse_with_options(&options, html.data(), html.size());
  }

  static void* allocate(void* self, std::size_t size) {
    auto* arena = static_cast<Arena*>(self);
    void* memory = arena->take(size);
    if (memory == nullptr) std::longjmp(arena->leave_, 1);
    return memory;
  }

  void* take(std::size_t size) {
    constexpr unsigned allocations_between_looks = 64;
    if (size > bytes_left_) return nullptr;
    bytes_left_ -= size;
    if (++allocations_ % allocations_between_looks == 0 &&
        std::chrono::steady_clock::now() > deadline_) {
      return nullptr;
    }
    try {
      return memory_.allocate(std::max<std::size_t>(size, 1));
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  std::pmr::monotonic_buffer_resource memory_{std::size_t{256} << 10};
  std::size_t bytes_left_;
  Instant deadline_;
  unsigned allocations_ = 0;
  std::jmp_buf leave_{};
};

// Text as it is collected: any run of blanks becomes one, none at the ends.
class Collapsed {
 public:
  void add(std::string_view text) {
    for (const char c : text) {
      if (is_space(c)) {
        blank();
      } else {
        if (pending_ && !out_.empty()) out_ += ' ';
        pending_ = false;
        out_ += c;
      }
    }
  }
  void blank() { pending_ = true; }
  [[nodiscard]] const std::string& str() const { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  bool pending_ = false;
};

template <std::size_t n>
bool is_one_of(const std::array<GumboTag, n>& tags, GumboTag tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool is_hidden(GumboTag tag) {
  constexpr std::array tags{GUMBO_TAG_SCRIPT,   GUMBO_TAG_STYLE,  GUMBO_TAG_NOSCRIPT,
                            GUMBO_TAG_TEMPLATE, GUMBO_TAG_IFRAME, GUMBO_TAG_OBJECT,
                            GUMBO_TAG_HEAD};
  return is_one_of(tags, tag);
}

// Elements inside a word or a sentence: what stands before and after them belongs together.
bool is_inline(GumboTag tag) {
  constexpr std::array tags{GUMBO_TAG_A,     GUMBO_TAG_ABBR, GUMBO_TAG_ACRONYM, GUMBO_TAG_B,
                            GUMBO_TAG_BDI,   GUMBO_TAG_BDO,  GUMBO_TAG_BIG,     GUMBO_TAG_CITE,
                            GUMBO_TAG_CODE,  GUMBO_TAG_DEL,  GUMBO_TAG_DFN,     GUMBO_TAG_EM,
                            GUMBO_TAG_FONT,  GUMBO_TAG_I,    GUMBO_TAG_INS,     GUMBO_TAG_KBD,
                            GUMBO_TAG_MARK,  GUMBO_TAG_Q,    GUMBO_TAG_S,       GUMBO_TAG_SAMP,
                            GUMBO_TAG_SMALL, GUMBO_TAG_SPAN, GUMBO_TAG_STRIKE,  GUMBO_TAG_STRONG,
                            GUMBO_TAG_SUB,   GUMBO_TAG_SUP,  GUMBO_TAG_TIME,    GUMBO_TAG_TT,
                            GUMBO_TAG_U,     GUMBO_TAG_VAR,  GUMBO_TAG_WBR};
  return is_one_of(tags, tag);
}

const char* attribute(const GumboElement& element, const char* name) {
  const GumboAttribute* found = gumbo_get_attribute(&element.attributes, name);
  return found == nullptr ? nullptr : found->value;
}

class Reader {
 public:
  void read(const GumboNode* root) {
    enter(root);
    while (!open_.empty()) {
      Open& top = open_.back();
      const GumboVector& children = top.node->v.element.children;
      if (top.next_child < children.length) {
        enter(static_cast<const GumboNode*>(children.data[top.next_child++]));
      } else {
        leave(top.node->v.element.tag);
        open_.pop_back();
      }
    }
  }

  [[nodiscard]] Page page(std::string_view url) {
    Page page;
    const std::string& title = title_.str().empty() ? heading_.str() : title_.str();
    page.title = utf8_prefix(title, title_bytes_max);
    page.text = text_.take();
    page.may_index = may_index_;
    page.may_follow = may_follow_;
    if (!may_follow_) return page;
    const std::string base = resolve_url(url, base_).value_or(std::string(url));
    std::unordered_set<std::string> seen{std::string(url)};
    for (const std::string_view reference : references_) {
      auto link = resolve_url(base, reference);
      if (link && seen.insert(*link).second) page.links.push_back(std::move(*link));
    }
    return page;
  }

 private:
  struct Open {
    const GumboNode* node;
    unsigned next_child = 0;
  };

  void enter(const GumboNode* node) {
    switch (node->type) {
      case GUMBO_NODE_TEXT:
      case GUMBO_NODE_WHITESPACE:
      case GUMBO_NODE_CDATA: add_text(node->v.text.text); break;
      case GUMBO_NODE_ELEMENT:
        enter_element(node->v.element);
        open_.push_back({node});
        break;
      case GUMBO_NODE_DOCUMENT:
      case GUMBO_NODE_COMMENT:
      case GUMBO_NODE_TEMPLATE: break;
    }
  }

  void enter_element(const GumboElement& element) {
    const bool html = element.tag_namespace == GUMBO_NAMESPACE_HTML;
    if (is_hidden(element.tag)) ++hidden_;
    if (!is_inline(element.tag)) blank();
    if (element.tag == GUMBO_TAG_TITLE && html) ++in_title_;
    if (element.tag == GUMBO_TAG_H1) ++in_heading_;
    if (element.tag == GUMBO_TAG_A || element.tag == GUMBO_TAG_AREA) {
      if (const char* href = attribute(element, "href")) references_.emplace_back(href);
    }
    if (element.tag == GUMBO_TAG_BASE && base_.empty()) {
      if (const char* href = attribute(element, "href")) base_ = href;
    }
    if (element.tag == GUMBO_TAG_META) read_meta(element);
  }

  void leave(GumboTag tag) {
    if (is_hidden(tag)) --hidden_;
    if (!is_inline(tag)) blank();
    if (tag == GUMBO_TAG_TITLE && in_title_ > 0) {
      --in_title_;
      title_done_ = true;
    }
    if (tag == GUMBO_TAG_H1) {
      --in_heading_;
      heading_done_ = !heading_.str().empty();
    }
  }

  void add_text(const char* text) {
    if (in_title_ > 0 && !title_done_) title_.add(text);
    if (hidden_ > 0) return;
    if (in_heading_ > 0 && !heading_done_) heading_.add(text);
    text_.add(text);
  }

  void blank() {
    text_.blank();
    heading_.blank();
  }

  void read_meta(const GumboElement& element) {
    const char* name = attribute(element, "name");
    const char* content = attribute(element, "content");
    if (name == nullptr || content == nullptr) return;
    if (!equal_ignoring_case(name, "robots") && !equal_ignoring_case(name, "narada")) return;
    const std::string rules = lowered(content);
    const bool none = rules.find("none") != std::string::npos;
    if (none || rules.find("noindex") != std::string::npos) may_index_ = false;
    if (none || rules.find("nofollow") != std::string::npos) may_follow_ = false;
  }

  std::vector<Open> open_;
  std::vector<std::string_view> references_;
  std::string_view base_;
  Collapsed title_;
  Collapsed heading_;
  Collapsed text_;
  int hidden_ = 0;
  int in_title_ = 0;
  int in_heading_ = 0;
  bool title_done_ = false;
  bool heading_done_ = false;
  bool may_index_ = true;
  bool may_follow_ = true;
};

}  // namespace

std::optional<Page> read_page(std::string_view html, std::string_view url,
                              const ParseLimits& limits) {
  Arena arena(limits);
  const GumboOutput* tree = arena.parse(html);
  if (tree == nullptr) return std::nullopt;
  Reader reader;
  reader.read(tree->root);
  return reader.page(url);
}

}  // namespace gman::narada
