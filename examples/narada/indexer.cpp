// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/indexer.hpp"

#include <exception>

namespace gman::narada {

// Whatever happens to the batch, those who wait for it must hear of it.
Result<void> Indexer::write(std::span<Waiting* const> batch) {
  try {
    std::vector<Document> documents;
    documents.reserve(batch.size());
    for (Waiting* one : batch) documents.push_back(std::move(one->document));
    return write_(documents);
  } catch (const std::exception& failed) {
    return Trouble::passing(failed.what());
  }
}

Result<void> Indexer::put(Document document) {
  Waiting mine{std::move(document), {}};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&mine);
  written_.wait(lock, [&] { return mine.is_done || !is_writing_; });
  if (mine.is_done) return mine.result;

  is_writing_ = true;
  std::vector<Waiting*> batch;
  batch.swap(waiting_);
  lock.unlock();
  Result<void> result = write(batch);
  lock.lock();
  for (Waiting* one : batch) {
    one->result = result;
    one->is_done = true;
  }
  is_writing_ = false;
  lock.unlock();
  written_.notify_all();
  return result;
}

}  // namespace gman::narada
