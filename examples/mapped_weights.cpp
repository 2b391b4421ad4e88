// SPDX-License-Identifier: MIT
// Weights packed once, saved, and multiplied straight from a mapped file: nothing is read before it is needed.
#include <octavo/io/mapped_file.hpp>
#include <octavo/io/packed.hpp>
#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <cstdio>
#include <random>
#include <string>

namespace {

using w4 = octavo::schemes::w4_g32;
using octavo::schemes::a8;

Eigen::MatrixXf make(octavo::index outputs, octavo::index inputs, unsigned seed) {
  std::mt19937 random(seed);
  return Eigen::MatrixXf::NullaryExpr(outputs, inputs,
                                      [&random] { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; });
}

int fail(std::string const& error) {
  std::fprintf(stderr, "%s\n", error.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string const path = argc > 1 ? argv[1] : "mapped_weights.octavo";
  std::string error;  // what is wrong with a file is a text, with exceptions or without
  auto const x = make(512, 2, 2);
  Eigen::MatrixXf from_memory(300, 2);
  Eigen::MatrixXf from_file(300, 2);

  // Save, on any machine: the bytes are the same everywhere. A file holds many matrices, of any schemes, by their
  // names.
  {
    auto const w = octavo::quantize<w4>(make(300, 512, 1));
    octavo::io::packed_writer file;
    file.add("layers.0.up", w);
    if (!file.write(path, error)) { return fail(error); }
    octavo::matmul<a8>(w, x, from_memory);
  }

  // Map, on any other. The view owns nothing and copies nothing; the file must stay mapped while it is used.
  auto const mapping = octavo::io::mapped_file::open(path, error);
  if (!mapping) { return fail(error); }
  auto const file = octavo::io::packed_file::parse(mapping->bytes(), error);
  if (!file) { return fail(path + ": " + error); }
  auto const w = file->view<w4>("layers.0.up", error);
  if (!w) { return fail(path + ": " + error); }
  octavo::matmul<a8>(*w, x, from_file);
  std::printf("%td x %td from %td mapped bytes: %s bits\n", w->rows(), w->cols(), w->size_bytes(),
              from_memory == from_file ? "the same" : "other");

  if (!file->view<octavo::schemes::w8>("layers.0.up", error)) { std::printf("%s\n", error.c_str()); }
  std::remove(path.c_str());
}
