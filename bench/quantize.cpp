// SPDX-License-Identifier: MIT
// bench_quantize: dense f32 weights into packed ones and back, column-major (Eigen's default) and row-major;
// activations.
#include <memory>
#include <string>
#include <vector>

#include "octavo/octavo.hpp"

#include "quantize/groups.hpp"
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

/// Rows of one scheme: `call(packed, strides, context)` in both orders, by one and two threads.
template <class S, class Call>
void add(std::string const& operation, std::string const& scheme, Call const& call) {
  using arch = octavo::default_arch;
  for (bool const by_rows : {false, true}) {
    for (int const threads : {1, 2}) {
      auto const make = [=] {
        row r;
        r.threads = std::make_shared<pool>(threads);
        auto const packed = std::make_shared<octavo::quantized_matrix<S>>(extent, extent);
        index const size = extent * extent * 4;
        auto const result = std::make_shared<octavo::aligned_buffer>(operation == "quantize" ? 0 : size);
        r.memory = {bytes_of(source().data(), size), bytes_of(packed->data(), packed->size_bytes())};
        r.bytes = static_cast<double>(size + packed->size_bytes());
        octavo::matrix_view<float> const dense(source().data(), extent, extent, by_rows ? extent : 1,
                                               by_rows ? 1 : extent);
        octavo::quantize_into(*packed, dense);
        r.call = [=, threads_of_call = r.threads] {
          auto scratch = call_scratch();
          call(*packed, dense, reinterpret_cast<float*>(result->data()),
               octavo::on<arch>(*threads_of_call).scratch(scratch));
        };
        if (operation == "quantize") {
          r.nmse = [=] { return error(dense, *packed); };
        }
        return r;
      };
      add_row(operation + "/" + scheme + (by_rows ? ".rows" : "") + "/" + std::to_string(extent) + "x" +
                  std::to_string(extent) + "/" + octavo::arch_name<arch> + "/" + std::to_string(threads),
              make);
    }
  }
}

template <class S>
void add_both(std::string const& scheme) {
  add<S>("quantize", scheme, [](octavo::quantized_matrix<S>& packed, auto const& dense, float*, auto const& context) {
    octavo::quantize_into(packed, dense, context);
  });
  add<S>("dequantize", scheme,
         [](octavo::quantized_matrix<S>& packed, auto const& dense, float* out, auto const& context) {
           octavo::dequantize(packed.view(), out, dense.row_stride(), dense.col_stride(), context);
         });
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace octavo;
  using namespace octavo::schemes;
  bench::add_both<w8>("w8");
  bench::add_both<w4_g128>("w4_g128");
  bench::add_both<w4_g32>("w4_g32");
  bench::add_both<mxfp4>("mxfp4");
  bench::add_both<nvfp4_blocks>("nvfp4");
  bench::add_both<fp8>("e4m3");
  bench::add_both<nf4_g64>("nf4_g64");
  bench::add_both<q4_k>("q4_K");
  bench::add_both<q6_k>("q6_K");
  bench::add_both<octavo::schemes::iq4_nl>("iq4_nl");
  // Laws of vision transformers and of BitNet, and a scale for each column.
  bench::add_both<scheme<adalog<6>, per_row>>("adalog6_row");
  bench::add_both<scheme<twin_uniform<8>, per_row>>("twin8_row");
  bench::add_both<scheme<sulq<8>, per_row>>("sulq8_row");
  bench::add_both<bitnet>("bitnet");
  bench::add_both<scheme<symmetric<int4>, per_column>>("w4_column");
  bench::add_activation_rows();
  return bench::run(argc, argv);
}
