// SPDX-License-Identifier: MIT
// bench_quantize: dense f32 weights into packed ones, from column-major (Eigen's default) and row-major matrices.
#include <memory>
#include <string>
#include <vector>

#include "octavo/octavo.hpp"

#include "rows.hpp"

namespace bench {
namespace {

constexpr index extent = 4096;

std::vector<float> const& source() {
  static std::vector<float> const all = normal(extent * extent, 1.0f / 64, 1);
  return all;
}

/// The squared error of the values that stand for 16 rows.
template <class S>
double error(octavo::matrix_view<float> const& source, octavo::quantized_matrix<S> const& packed) {
  auto const view = packed.view();
  double sum = 0;
  double total = 0;
  for (index r = 0; r < extent; r += 257) {
    for (index c = 0; c < extent; ++c) {
      double const x = double{source(r, c)};
      double const e = double{view(r, c)} - x;
      sum += e * e;
      total += x * x;
    }
  }
  return sum / total;
}

template <class S>
void add(std::string const& scheme) {
  using arch = octavo::default_arch;
  for (bool const by_rows : {false, true}) {
    for (int const threads : {1, 2}) {
      auto const make = [=] {
        row r;
        r.threads = std::make_shared<pool>(threads);
        auto const packed = std::make_shared<octavo::quantized_matrix<S>>(extent, extent);
        index const size = extent * extent * 4;
        r.memory = {bytes_of(source().data(), size), bytes_of(packed->data(), packed->size_bytes())};
        r.bytes = static_cast<double>(size + packed->size_bytes());
        octavo::matrix_view<float> const dense(source().data(), extent, extent, by_rows ? extent : 1,
                                               by_rows ? 1 : extent);
        r.call = [=, threads_of_call = r.threads] {
          auto scratch = call_scratch();
          octavo::quantize_into(*packed, dense, octavo::on<arch>(*threads_of_call).scratch(scratch));
        };
        r.nmse = [=] { return error(dense, *packed); };
        return r;
      };
      add_row("quantize/" + scheme + (by_rows ? ".rows" : "") + "/" + std::to_string(extent) + "x" +
                  std::to_string(extent) + "/" + octavo::arch_name<arch> + "/" + std::to_string(threads),
              make);
    }
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace octavo::schemes;
  bench::add<w8>("w8");
  bench::add<w4_g128>("w4_g128");
  bench::add<w4_g32>("w4_g32");
  bench::add<mxfp4>("mxfp4");
  bench::add<fp8>("e4m3");
  bench::add<nf4_g64>("nf4_g64");
  return bench::run(argc, argv);
}
