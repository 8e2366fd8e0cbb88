// SPDX-License-Identifier: BSD-3-Clause
// Histogram: how long things took, in a fixed amount of memory, to within 1.6 %.
//
// A bucket is as wide as its lower bound's highest bit over 64, so that microseconds and minutes
// are told equally well and adding is a shift and an increment.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace gman::cli::load {

class Histogram {
 public:
  void add(std::uint64_t nanoseconds, std::uint64_t count = 1) {
    buckets_[bucket_of(nanoseconds)] += count;
    count_ += count;
    if (nanoseconds > max_) max_ = nanoseconds;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

  /// The lower bound of the bucket below which `share` (0 to 1) of the values lie; 0 of nothing.
  [[nodiscard]] std::uint64_t percentile(double share) const {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
      seen += buckets_[bucket];
      if (seen > rank) return lower_bound_of(bucket);
    }
    return max_;
  }

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value < per_octave) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - octave_bits - 1;
    return per_octave * (shift + 1) + ((value >> shift) - per_octave);
  }
  [[nodiscard]] static constexpr std::uint64_t lower_bound_of(std::size_t bucket) {
    if (bucket < per_octave) return bucket;
    return (per_octave + bucket % per_octave) << (bucket / per_octave - 1);
  }

 private:
  static constexpr unsigned octave_bits = 6;
  static constexpr std::size_t per_octave = 1u << octave_bits;

  std::array<std::uint64_t, per_octave*(64 - octave_bits + 1)> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace gman::cli::load
