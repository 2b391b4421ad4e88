// SPDX-License-Identifier: MIT
// Weights packed once, saved, and multiplied straight from a mapped file: nothing is read before it is needed.
#include <octavo/octavo.hpp>

#include <Eigen/Core>

#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace {

using w4 = octavo::schemes::w4_g32;
using octavo::schemes::a8;
constexpr octavo::index rows = 300;
constexpr octavo::index cols = 512;

int fail(char const* what) {
  std::perror(what);
  return 1;
}

}  // namespace

int main() {
  auto const make = [](octavo::index outputs, octavo::index inputs, unsigned seed) -> Eigen::MatrixXf {
    std::mt19937 random(seed);
    return Eigen::MatrixXf::NullaryExpr(outputs, inputs,
                                        [&random] { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; });
  };
  auto const x = make(cols, 2, 2);
  Eigen::MatrixXf from_memory(rows, 2);
  Eigen::MatrixXf from_file(rows, 2);

  // Save. The bytes are the same on every machine; a real file also holds the scheme, the extents and
  // octavo::panel_layout_version, and starts each matrix at a multiple of 64 bytes, as a mapping does.
  char name[] = "/tmp/octavo-XXXXXX";
  int const file = ::mkstemp(name);
  if (file < 0) { return fail("mkstemp"); }
  ::unlink(name);  // the file lives on while it is open
  {
    auto const w = octavo::quantize<w4>(make(rows, cols, 1));
    if (::write(file, w.data(), static_cast<std::size_t>(w.size_bytes())) != w.size_bytes()) { return fail("write"); }
    octavo::matmul<a8>(w, x, from_memory);
  }

  // Map. The view checks that the memory is large enough and aligned; it owns nothing.
  struct stat info = {};
  if (::fstat(file, &info) != 0) { return fail("fstat"); }
  auto const size = static_cast<std::size_t>(info.st_size);
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (memory == MAP_FAILED) { return fail("mmap"); }
  octavo::quantized_matrix_view<w4> const mapped(static_cast<std::byte const*>(memory), info.st_size, rows, cols);

  octavo::matmul<a8>(mapped, x, from_file);
  std::printf("%td x %td from %td mapped bytes: %s bits\n", mapped.rows(), mapped.cols(), mapped.size_bytes(),
              from_memory == from_file ? "the same" : "other");
  ::munmap(memory, size);
  ::close(file);
}
