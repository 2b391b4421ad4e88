// SPDX-License-Identifier: MIT
// One binary for several instruction sets, on threads: the best one's products must have the bits of scalar's.
#include "products.hpp"

#include <Eigen/Core>

#include <cstdio>
#include <random>
#include <thread>
#include <vector>

void threads::run(octavo::index n, void (*call)(void const* task, octavo::index i), void const* task) {
  auto const share = [=](octavo::index first) {
    for (octavo::index i = first; i < n; i += concurrency()) { call(task, i); }
  };
  std::vector<std::thread> others;
  for (int first = 1; first < concurrency(); ++first) { others.emplace_back(share, first); }
  share(0);
  for (auto& other : others) { other.join(); }
}

namespace {

Eigen::MatrixXf make(octavo::index rows, octavo::index cols, unsigned seed) {
  std::mt19937 random(seed);
  return Eigen::MatrixXf::NullaryExpr(rows, cols,
                                      [&random] { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; });
}

}  // namespace

int main() {
  auto const weights = make(150, 203, 1);
  auto const x = make(203, 37, 2);
  Eigen::MatrixXf y[4];
  for (auto& m : y) { m.setZero(150, 37); }
  using octavo::as_tokens;

  using list = octavo::arch_list<OCTAVO_ISAS>;
  octavo::dispatch<list>(products{})(octavo::matrix_view(weights), as_tokens(x), as_tokens(y[0]), as_tokens(y[1]));
  products{}(octavo::scalar{}, octavo::matrix_view(weights), as_tokens(x), as_tokens(y[2]), as_tokens(y[3]));

  float const error = (y[2] - weights * x).norm() / (weights * x).norm();
  bool const right = y[0] == y[2] && y[1] == y[3] && error < 0.15f;
  std::printf("Eigen %d.%d.%d, %s: %s, relative error %.3f\n", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION,
              EIGEN_MINOR_VERSION, octavo::dispatched_name<list>(), right ? "the bits of scalar" : "wrong",
              static_cast<double>(error));
  return right ? 0 : 1;
}
