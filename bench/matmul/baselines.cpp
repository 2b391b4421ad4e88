// SPDX-License-Identifier: MIT
// What one gets without Octavo, on one thread: Eigen, and oneDNN and OpenBLAS where they are installed.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "groups.hpp"
#include "rows.hpp"

#include <Eigen/Core>

#if defined(BENCH_DNNL)
#include <dlfcn.h>
#include <dnnl.hpp>
#endif
#if defined(BENCH_OPENBLAS)
#include <cblas.h>
#endif

namespace bench {
namespace {

using arch = octavo::default_arch;
/// Multiplies by the copy of the weights at w, one of `weights`.
struct product {
  std::function<void(void const* w)> multiply;
  std::vector<void const*> weights;
};

/// `prepare(tokens, copies)` makes the weights and returns the product, which owns them.
void add(std::string const& schemes, index weight_bytes, double (*roof)(pool&), bool has_nmse,
         std::function<product(index, std::size_t)> const& prepare) {
  for (index const tokens : all_tokens) {
    add_row(row_name<arch>(schemes, tokens, 1), [=] {
      index const bytes = rows * features * weight_bytes;
      product p = prepare(tokens, tokens <= most_cold_tokens ? static_cast<std::size_t>(cold_bytes / bytes + 1) : 1);
      row r = matmul_row(tokens, bytes, p.weights, 1);
      r.peak = roof;
      r.call = [p = std::move(p), turn = std::size_t{0}]() mutable {
        p.multiply(p.weights[turn]);
        turn = (turn + 1) % p.weights.size();
      };
      if (!has_nmse) { r.nmse = {}; }
      return r;
    });
  }
}

/// `multiply(w)` of column-major f32 weights.
template <class F>
product dense_product(std::size_t copies, F const& multiply) {
  auto const all = std::make_shared<std::vector<std::vector<float>>>(copies, the_inputs().w);
  product p{[all, multiply](void const* w) { multiply(static_cast<float const*>(w)); }, {}};
  for (auto const& w : *all) { p.weights.push_back(w.data()); }
  return p;
}

product eigen(index tokens, std::size_t copies) {
  return dense_product(copies, [tokens](float const* w) {
    Eigen::Map<Eigen::MatrixXf const> const weights(w, rows, features);
    auto& in = the_inputs();
    if (tokens == 1) {
      Eigen::Map<Eigen::VectorXf>(in.y.data(), rows).noalias() =
          weights * Eigen::Map<Eigen::VectorXf const>(in.x.data(), features);
    } else {
      Eigen::Map<Eigen::MatrixXf>(in.y.data(), rows, tokens).noalias() =
          weights * Eigen::Map<Eigen::MatrixXf const>(in.x.data(), features, tokens);
    }
  });
}

#if defined(BENCH_OPENBLAS)
product openblas(index tokens, std::size_t copies) {
  openblas_set_num_threads(1);
  return dense_product(copies, [n = static_cast<int>(tokens)](float const* w) {
    constexpr int m = static_cast<int>(rows);
    constexpr int k = static_cast<int>(features);
    auto& in = the_inputs();
    if (n == 1) {
      cblas_sgemv(CblasColMajor, CblasNoTrans, m, k, 1, w, m, in.x.data(), 1, 0, in.y.data(), 1);
    } else {
      cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, w, m, in.x.data(), k, 0, in.y.data(), m);
    }
  });
}
#endif

#if defined(BENCH_DNNL)
/// Weights in the layout that oneDNN prefers, which a program would do once, too.
template <dnnl::memory::data_type X, dnnl::memory::data_type W, dnnl::memory::data_type Y>
product onednn(index tokens, std::size_t copies) {
  using dnnl::memory;
  using tag = memory::format_tag;
  // oneDNN takes its number of threads from OpenMP, with which nothing else here is built.
  if (void* const set = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) { reinterpret_cast<void (*)(int)>(set)(1); }
  dnnl::engine const engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  memory::desc const x_desc({tokens, features}, X, tag::ab);
  memory::desc const y_desc({tokens, rows}, Y, tag::ab);
  dnnl::matmul::primitive_desc const desc({x_desc, memory::desc({features, rows}, W, tag::any), y_desc}, engine);
  auto const reordered = [&](memory::desc const& from, memory::desc const& to, float* data) {
    memory source(from, engine, data);
    memory result(to, engine);
    dnnl::reorder(source, result).execute(stream, source, result);
    stream.wait();
    return result;
  };
  auto& in = the_inputs();
  using f32 = memory::desc;
  auto const x = reordered(f32({tokens, features}, memory::data_type::f32, tag::ab), x_desc, in.x.data());
  memory const y(y_desc, engine, in.y.data());
  auto const all = std::make_shared<std::vector<memory>>();
  product p;
  for (std::size_t i = 0; i < copies; ++i) {
    all->push_back(
        reordered(f32({features, rows}, memory::data_type::f32, tag::ab), desc.weights_desc(), in.w.data()));
    p.weights.push_back(all->back().get_data_handle());
  }
  p.multiply = [all, desc, engine, stream, x, y, multiply = dnnl::matmul(desc)](void const* w) mutable {
    memory const weights(desc.weights_desc(), engine, const_cast<void*>(w));
    multiply.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, y}});
    stream.wait();
  };
  return p;
}
#endif

}  // namespace

void add_baseline_rows() {
  if constexpr (!std::is_same_v<arch, octavo::detail::no_arch>) {
    constexpr auto f32 = peak<sequences<arch>::f32>;
    add("eigen.f32", 4, f32, true, eigen);
#if defined(BENCH_OPENBLAS)
    add("openblas.f32", 4, f32, true, openblas);
#endif
#if defined(BENCH_DNNL)
    using type = dnnl::memory::data_type;
    add("onednn.f32", 4, f32, true, onednn<type::f32, type::f32, type::f32>);
    if (octavo::detail::has<octavo::dpbf16, arch>) {
      add("onednn.bf16", 2, peak<sequences<arch>::bf16>, true, onednn<type::bf16, type::bf16, type::f32>);
      add("onednn.u8s8", 1, peak<sequences<arch>::int8<255>>, false, onednn<type::u8, type::s8, type::s32>);
    }
#endif
  }
}

}  // namespace bench
