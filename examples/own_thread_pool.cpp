// SPDX-License-Identifier: MIT
// Your own threads: an executor is anything that calls task(0) ... task(n - 1) and returns when all are done.
#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <cstdio>
#include <random>
#include <thread>
#include <vector>

int main() {
  // The smallest one starts its threads for each call. examples/generate/thread_pool.hpp keeps them, and says by
  // concurrency() how many there are. A pool that you have already needs no more than a lambda like this:
  auto const threads = [](octavo::index n, auto const& task) {
    constexpr octavo::index count = 3;
    std::vector<std::thread> others;
    auto const share = [&task, n](octavo::index first) {
      for (octavo::index i = first; i < n; i += count) { task(i); }
    };
    for (octavo::index first = 1; first < count; ++first) { others.emplace_back(share, first); }
    share(0);
    for (auto& other : others) { other.join(); }
  };
  static_assert(octavo::executor<decltype(threads)>);

  auto const make = [](octavo::index rows, octavo::index cols, unsigned seed) -> Eigen::MatrixXf {
    std::mt19937 random(seed);
    return Eigen::MatrixXf::NullaryExpr(rows, cols,
                                        [&random] { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; });
  };
  auto const weights = make(700, 512, 1);
  auto const x = make(512, 33, 2);
  Eigen::MatrixXf serial(700, 33);
  Eigen::MatrixXf parallel(700, 33);

  using octavo::schemes::a8;
  using octavo::schemes::w4_g128;
  auto const w = octavo::quantize<w4_g128>(weights, octavo::on(threads));  // packing takes threads, too
  octavo::matmul<a8>(w, x, serial);
  octavo::matmul<a8>(w, x, parallel, octavo::on(threads));
  std::printf("W4A8 on three threads: %s bits as on one\n", serial == parallel ? "the same" : "other");
  octavo::matmul(w, x, serial);
  octavo::matmul(w, x, parallel, octavo::on(threads));
  std::printf("W4A32 on three threads: %s bits as on one\n", serial == parallel ? "the same" : "other");
}
