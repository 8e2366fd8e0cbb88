// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/indexer.hpp"

namespace gman::narada {

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
  std::vector<Document> documents;
  documents.reserve(batch.size());
  for (Waiting* one : batch) documents.push_back(std::move(one->document));
  Result<void> result = write_(documents);
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
