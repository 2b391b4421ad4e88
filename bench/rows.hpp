// SPDX-License-Identifier: MIT
// A row of a benchmark: one call, what it must do at least, and its best time beside the roofs of the machine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "octavo/core/buffer.hpp"
#include "octavo/core/views.hpp"

#include "roofs.hpp"

#include <benchmark/benchmark.h>

namespace bench {

/// The bytes at `data`, whole cache lines of them.
[[nodiscard]] inline std::span<std::byte const> bytes_of(void const* data, index size) {
  auto const first = (reinterpret_cast<std::uintptr_t>(data) + 63) / 64 * 64;
  auto const last = (reinterpret_cast<std::uintptr_t>(data) + static_cast<std::uintptr_t>(size)) / 64 * 64;
  return {reinterpret_cast<std::byte const*>(first), last - first};
}

struct row {
  double operations = 0;         ///< 2 x the multiply-adds of the dense problem; 0: no compute roof
  double bytes = 0;              ///< that must be read once in a call (or read and written: quantize)
  double (*peak)(pool&) = {};    ///< of the path's own instruction
  double (*lookup)(pool&) = {};  ///< of a second sequence that bounds the row
  int walk_calls = 1;            ///< calls before one reads the same memory again
  std::vector<std::span<std::byte const>> memory;  ///< what these calls read
  std::function<void()> call;
  std::function<double()> nmse;
  std::shared_ptr<pool> threads;
};

/// The best of everything that was seen of a row.
struct best_of {
  double time = 1e30;
  double peak = 0;
  double lookup = 0;
  double memory = 0;
  double nmse = 0;

  void roofs(row const& r) {
    if (r.peak != nullptr) { peak = std::max(peak, r.peak(*r.threads)); }
    if (r.lookup != nullptr) { lookup = std::max(lookup, r.lookup(*r.threads)); }
    memory = std::max(memory, read_rate(r.memory, *r.threads));
  }
  void counters(row const& r, benchmark::State& state) const {
    auto const fraction = [&](char const* name, double rate, double roof) {
      if (roof > 0) { state.counters[name] = rate / roof; }
      return roof > 0 ? rate / roof : 0.0;
    };
    double const rate = r.operations / time;
    double const of_compute = fraction("of_compute", rate, peak);
    double const of_lookup = fraction("of_lookup", rate, lookup);
    double const of_memory = fraction("of_memory", r.bytes / time, memory);
    state.counters["of_roof"] = std::max({of_compute, of_lookup, of_memory});
    if (r.operations > 0) { state.counters["GOP/s"] = rate / 1e9; }
    state.counters["GB/s"] = r.bytes / time / 1e9;
    if (r.nmse) { state.counters["nmse"] = nmse; }
  }
};

/// Registers a row. `make` builds it, with its operands, when it first runs; the row before is freed only then, so that
/// operands can be shared. Google Benchmark runs a row several times for more and more iterations, roofs before and
/// after each: counters are the best of all.
inline void add_row(std::string const& name, std::function<row()> make) {
  benchmark::RegisterBenchmark(name.c_str(), [name, make = std::move(make)](benchmark::State& state) {
    static std::string current;
    static row now_running;
    static best_of best;
    if (current != name) {
      now_running = make();
      current = name;
      best = {};
      now_running.call();
      if (now_running.nmse) { best.nmse = now_running.nmse(); }
    }
    best.roofs(now_running);
    now_running.call();  // warm
    // Not single calls but whole walks through all copies: now and then a copy is in a cache.
    double walk = 0;
    int calls = 0;
    auto const call = [&] {
      walk += seconds(now_running.call);
      if (++calls == now_running.walk_calls) {
        best.time = std::min(best.time, walk / calls);
        walk = 0;
        calls = 0;
      }
    };
    for (auto _ : state) { call(); }
    while (calls != 0) { call(); }
    best.roofs(now_running);
    best.counters(now_running, state);
  });
}

/// `size` standard normal numbers times `sigma`, the same in every run.
[[nodiscard]] inline std::vector<float> normal(index size, float sigma, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0.0f, sigma);
  std::vector<float> v(static_cast<std::size_t>(size));
  for (float& x : v) { x = distribution(random); }
  return v;
}

/// Scratch for one call: on(pool).scratch(memory) without any allocation.
[[nodiscard]] inline std::pmr::monotonic_buffer_resource call_scratch() {
  static octavo::aligned_buffer block(index{64} << 20);
  return std::pmr::monotonic_buffer_resource(block.data(), static_cast<std::size_t>(block.size()));
}

inline int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) { return 1; }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace bench
