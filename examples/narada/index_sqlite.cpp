// SPDX-License-Identifier: BSD-3-Clause
// The index in SQLite's FTS5: BM25 with the title weighing more than the text, English stemming.
//
// The file is in WAL mode, so searches go on while a batch is written. A commit does not wait for
// the disk (synchronous=NORMAL): after a power failure the file is sound and at most the last
// batches are missing, which the rows that say "indexed" would not know; rebuilding is cheap.
#include <sqlite3.h>

#include <boost/system/result.hpp>

#include "base/assert.hpp"
#include "examples/narada/index.hpp"
#include "examples/narada/text.hpp"

namespace gman::narada {
namespace {

constexpr int busy_timeout_ms = 10'000;
constexpr std::size_t query_words_max = 32;

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS page (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE IF NOT EXISTS page_text
  USING fts5 (title, text, tokenize = 'porter unicode61 remove_diacritics 2');
)";
constexpr const char* put_page =
    "INSERT INTO page (url) VALUES (?1) ON CONFLICT (url) DO UPDATE SET url = url RETURNING id";
constexpr const char* put_text =
    "INSERT OR REPLACE INTO page_text (rowid, title, text) VALUES (?1, ?2, ?3)";
constexpr const char* find =
    "SELECT url, title, snippet(page_text, 1, '**', '**', ' … ', 24), -bm25(page_text, 8.0, 1.0)"
    "  FROM page_text JOIN page ON page.id = page_text.rowid"
    " WHERE page_text MATCH ?1 ORDER BY bm25(page_text, 8.0, 1.0), url LIMIT ?2";

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using DatabasePtr = std::unique_ptr<sqlite3, CloseDatabase>;
using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;

Trouble trouble_of(sqlite3* database, const std::string& doing) {
  const int code = sqlite3_errcode(database) & 0xFF;
  const std::string message = doing + ": " + sqlite3_errmsg(database);
  const bool busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  return busy ? Trouble::passing(message) : Trouble::lasting(message);
}

// One run of a prepared statement: binds, steps, and leaves it reset whatever happens.
class Run {
 public:
  explicit Run(sqlite3_stmt* statement) : statement_(statement) {}
  ~Run() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // The text must live as long as the run.
  Run& bind(int at, std::string_view text) {
    sqlite3_bind_text64(statement_, at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Run& bind(int at, sqlite3_int64 value) {
    sqlite3_bind_int64(statement_, at, value);
    return *this;
  }
  int step() { return sqlite3_step(statement_); }
  [[nodiscard]] sqlite3_int64 integer(int column) const {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] double real(int column) const { return sqlite3_column_double(statement_, column); }
  [[nodiscard]] std::string text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string() : std::string(data, size);
  }

 private:
  sqlite3_stmt* statement_;
};

// Rolled back unless it is committed.
class Transaction {
 public:
  explicit Transaction(sqlite3* database) : database_(database) {
    is_open_ = run("BEGIN IMMEDIATE");
  }
  ~Transaction() {
    if (is_open_) run("ROLLBACK");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  [[nodiscard]] bool is_open() const { return is_open_; }
  [[nodiscard]] bool commit() {
    if (!run("COMMIT")) return false;
    is_open_ = false;
    return true;
  }

 private:
  bool run(const char* sql) {
    return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  sqlite3* database_;
  bool is_open_ = false;
};

// The words of a person's query as FTS5 strings. Quoted, so that no character of theirs is syntax.
std::vector<std::string> quoted_words(std::string_view query) {
  std::vector<std::string> words;
  std::string word;
  bool in_phrase = false;
  const auto finish = [&] {
    const bool says_something = std::any_of(word.begin(), word.end(), [](char c) {
      return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80;
    });
    if (says_something && words.size() < query_words_max) words.push_back('"' + word + '"');
    word.clear();
  };
  for (const char c : query) {
    if (c == '"') {
      finish();
      in_phrase = !in_phrase;
    } else if (c == '\0' || (is_space(c) && !in_phrase)) {
      finish();
    } else {
      word += c;
    }
  }
  finish();
  return words;
}

std::string joined(const std::vector<std::string>& words, std::string_view by) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += by;
    out += word;
  }
  return out;
}

class SqliteIndex final : public Index {
 public:
  explicit SqliteIndex(DatabasePtr database) : database_(std::move(database)) {}

  [[nodiscard]] Result<void> prepare(IndexUse use) {
    sqlite3_busy_timeout(database_.get(), busy_timeout_ms);
    const char* settings = use == IndexUse::read
                               ? "PRAGMA query_only = ON"
                               : "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                                 "PRAGMA cache_size = -32768";
    if (auto done = execute(settings); !done) return done;
    if (use == IndexUse::write) {
      if (auto done = execute(schema); !done) return done;
      if (auto done = compile(put_page_, put_page); !done) return done;
      if (auto done = compile(put_text_, put_text); !done) return done;
    }
    return compile(find_, find);
  }

  [[nodiscard]] Result<void> put(std::span<const Document> documents) override {
    GMAN_ASSERT(put_page_ != nullptr);
    Transaction transaction(database_.get());
    if (!transaction.is_open()) return trouble("beginning to write");
    for (const Document& document : documents) {
      Run page(put_page_.get());
      if (page.bind(1, document.url).step() != SQLITE_ROW) return trouble("writing a URL");
      Run text(put_text_.get());
      text.bind(1, page.integer(0)).bind(2, document.title).bind(3, document.text);
      if (text.step() != SQLITE_DONE) return trouble("writing a text");
    }
    if (!transaction.commit()) return trouble("committing");
    return {};
  }

  [[nodiscard]] Result<std::vector<Hit>> search(std::string_view query,
                                                std::size_t hits_max) override {
    const std::vector<std::string> words = quoted_words(query);
    if (words.empty()) return std::vector<Hit>();
    auto hits = matching(joined(words, " AND "), hits_max);
    if (!hits || !hits->empty() || words.size() == 1) return hits;
    return matching(joined(words, " OR "), hits_max);
  }

 private:
  [[nodiscard]] Trouble trouble(const std::string& doing) const {
    return trouble_of(database_.get(), doing);
  }
  [[nodiscard]] Result<void> execute(const char* sql) {
    if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return trouble("opening the index");
    }
    return {};
  }
  [[nodiscard]] Result<void> compile(StatementPtr& statement, const char* sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) !=
        SQLITE_OK) {
      return trouble("opening the index");
    }
    statement.reset(raw);
    return {};
  }

  [[nodiscard]] Result<std::vector<Hit>> matching(const std::string& expression,
                                                  std::size_t hits_max) {
    std::vector<Hit> hits;
    Run run(find_.get());
    run.bind(1, expression).bind(2, static_cast<sqlite3_int64>(hits_max));
    int stepped = 0;
    while ((stepped = run.step()) == SQLITE_ROW) {
      hits.push_back({run.text(0), run.text(1), run.text(2), run.real(3)});
    }
    if (stepped != SQLITE_DONE) return trouble("searching");
    return hits;
  }

  DatabasePtr database_;  // before the statements, so that they are finalized first
  StatementPtr put_page_;
  StatementPtr put_text_;
  StatementPtr find_;
};

}  // namespace

Result<std::unique_ptr<Index>> open_sqlite_index(const std::string& path, IndexUse use) {
  sqlite3* raw = nullptr;
  // A reader opens the file for writing too, since reading in WAL mode marks what is in use.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                    (use == IndexUse::write ? SQLITE_OPEN_CREATE : 0);
  const int opened = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  DatabasePtr database(raw);
  if (opened != SQLITE_OK) return trouble_of(raw, "opening the index " + path);
  auto index = std::make_unique<SqliteIndex>(std::move(database));
  if (auto done = index->prepare(use); !done) return done.error();
  return index;
}

}  // namespace gman::narada
