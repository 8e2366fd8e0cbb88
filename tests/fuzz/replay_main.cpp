// SPDX-License-Identifier: BSD-3-Clause
// Runs a fuzz target without libFuzzer: every file of a corpus as it is, then a number of inputs
// made from them by random changes, always the same ones. So each compiler and each sanitizer's
// build has a short run in the tests.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t input_bytes_max = 4096;

std::vector<fs::path> files_of(const fs::path& corpus) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

Bytes content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Bytes>& corpus) : corpus_(corpus) {}

  Bytes next() {
    Bytes input = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(8); changes > 0; --changes) change(input);
    if (input.size() > input_bytes_max) input.resize(input_bytes_max);
    return input;
  }

 private:
  std::size_t below(std::size_t sides) { return random_() % sides; }

  void change(Bytes& input) {
    const std::size_t at = below(input.size() + 1);
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(6)) {
      case 0: input.insert(place, static_cast<std::uint8_t>(random_())); return;
      case 1:
        if (at < input.size()) input[at] = static_cast<std::uint8_t>(random_());
        return;
      case 2:
        if (at < input.size()) input[at] ^= static_cast<std::uint8_t>(1U << below(8));
        return;
      case 3:
        input.erase(place, input.end() - static_cast<std::ptrdiff_t>(below(input.size() - at + 1)));
        return;
      case 4:
      case 5: {  // a piece of another one
        const Bytes& other = corpus_[below(corpus_.size())];
        if (other.empty()) return;
        const std::size_t from = below(other.size());
        const std::size_t count = 1 + below(other.size() - from);
        const auto first = other.begin() + static_cast<std::ptrdiff_t>(from);
        input.insert(place, first, first + static_cast<std::ptrdiff_t>(count));
        return;
      }
    }
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 2) {
    std::cerr << "Usage: " << argv[0] << " CORPUS-FOLDER-OR-FILE [CHANGED-INPUTS]\n";
    return 2;
  }
  const fs::path place(argv[1]);
  std::size_t changed = 0;
  if (argc == 3) {
    const std::string_view text = argv[2];
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), changed);
    if (fault != std::errc{} || end != text.data() + text.size()) {
      std::cerr << argv[0] << ": not a number: '" << text << "'\n";
      return 2;
    }
  }
  std::vector<fs::path> files{place};
  if (fs::is_directory(place)) files = files_of(place);
  if (files.empty()) {
    std::cerr << argv[0] << ": no input in " << place << '\n';
    return 2;
  }
  std::vector<Bytes> corpus;
  for (const fs::path& file : files) {
    corpus.push_back(content_of(file));
    std::cout << file.string() << '\n' << std::flush;  // the last one named ended the program
    LLVMFuzzerTestOneInput(corpus.back().data(), corpus.back().size());
  }
  // Each is written before it is tried, so that the one that ends the program is there to be kept.
  const std::string tried = fs::path(argv[0]).filename().string() + ".last-input";
  std::cout << "changed inputs: the last one tried is in " << fs::absolute(tried) << '\n'
            << std::flush;
  Mutator mutator(corpus);
  for (std::size_t i = 0; i < changed; ++i) {
    const Bytes input = mutator.next();
    std::ofstream(tried, std::ios::binary)
        .write(reinterpret_cast<const char*>(input.data()),
               static_cast<std::streamsize>(input.size()));
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::cout << corpus.size() << " kept and " << changed << " changed inputs\n";
  return 0;
}
