// SPDX-License-Identifier: MIT
// Quantizes, multiplies and times the candidates of one part. Compiled once for each CHOOSE_PART.
#include "measure_part.hpp"
#include "schemes.hpp"

#include "../../bench/roofs.hpp"

#include <algorithm>
#include <cmath>
#include <memory_resource>
#include <type_traits>
#include <utility>

namespace example {
namespace {

/// The layer's weights as candidate C has them.
template <class C>
class operand {
  using scheme = typename C::weights;
  using A = typename C::activations;

 public:
  using element = std::conditional_t<octavo::element<A>, A, float>;
  static constexpr octavo::path path = octavo::path_of<scheme, A>;
  static constexpr char const* path_name = octavo::path_name(path);

  explicit operand(Eigen::MatrixXf const& w) : weights_(octavo::quantize<scheme>(w)) {}

  [[nodiscard]] std::span<std::byte const> bytes() const {
    return {weights_.data(), static_cast<std::size_t>(weights_.size_bytes())};
  }
  void multiply(octavo::tokens_view<element const> x, octavo::tokens_view<float> y,
                std::pmr::memory_resource& scratch) const {
    using how = std::conditional_t<std::is_same_v<A, element>, octavo::as_is, A>;
    octavo::matmul<how>(weights_, x, y, octavo::on<octavo::default_arch>().scratch(scratch));
  }

 private:
  octavo::quantized_matrix<scheme> weights_;
};

/// The baseline, which not every part has.
template <>
class operand<candidate<float, float>> {
 public:
  using element = float;
  [[maybe_unused]] static constexpr octavo::path path = octavo::path::table_fma;
  [[maybe_unused]] static constexpr char const* path_name = "Eigen";

  explicit operand(Eigen::MatrixXf const& w) : weights_(w) {}

  [[nodiscard]] std::span<std::byte const> bytes() const {
    return std::as_bytes(std::span(weights_.data(), static_cast<std::size_t>(weights_.size())));
  }
  void multiply(octavo::tokens_view<float const> x, octavo::tokens_view<float> y, std::pmr::memory_resource&) const {
    Eigen::Map<Eigen::MatrixXf const> const all(x.data(), x.features(), x.tokens());
    Eigen::Map<Eigen::MatrixXf> result(y.data(), y.features(), y.tokens());
    if (x.tokens() == 1) {  // Eigen's own choice is made by types
      result.col(0).noalias() = weights_ * all.col(0);
    } else {
      result.noalias() = weights_ * all;
    }
  }

 private:
  Eigen::MatrixXf weights_;
};

/// Operations per second at best, of the instruction that the path of C is made of; 0 where bench/roofs.hpp has none.
template <class C, class Arch = octavo::default_arch>
double peak_of(bench::pool& pool) {
  using W = typename C::weights;
  if constexpr (!requires { sizeof(bench::sequences<Arch>); }) {
    return 0;
  } else if constexpr (operand<C>::path == octavo::path::int8_dot) {
    constexpr auto grid = octavo::lattice<typename W::format>;
    return bench::peak<typename bench::sequences<Arch>::template int8<grid.highest - grid.lowest>>(pool);
  } else if constexpr (operand<C>::path == octavo::path::bf16_dot) {
    return bench::peak<typename bench::sequences<Arch>::bf16>(pool);
  } else {
    return bench::peak<typename bench::sequences<Arch>::f32>(pool);
  }
}

template <class C>
measurement measure_candidate(C const& c, measured_layer const& layer, measure_settings const& settings) {
  using element = typename operand<C>::element;
  index const rows = layer.weights.rows();
  index const cols = layer.weights.cols();
  index const tokens = std::max(layer.tokens.cols(), settings.tokens);
  // Again from the first token where the second speed wants more than there are.
  std::vector<element> x;
  for (index t = 0; t < tokens; ++t) {
    for (float const v : layer.tokens.col(t % layer.tokens.cols())) { x.push_back(element(v)); }
  }
  Eigen::MatrixXf y(rows, tokens);
  std::vector<std::byte> bytes(std::size_t{4} << 20);
  std::pmr::monotonic_buffer_resource scratch(bytes.data(), bytes.size());
  auto const call = [&](operand<C> const& w, index n) {
    w.multiply({x.data(), cols, n, cols}, {y.data(), rows, n, rows}, scratch);
    scratch.release();
  };

  operand<C> const weights(layer.weights);
  auto const size = static_cast<double>(weights.bytes().size());
  call(weights, layer.tokens.cols());
  auto const lost = (y.leftCols(layer.tokens.cols()).template cast<double>() - layer.outputs).squaredNorm();
  auto const count = static_cast<double>(rows * cols);
  measurement result{
      c.name, c.text, operand<C>::path_name, count, 8 * size / count, lost / layer.outputs.squaredNorm(), {}, {}};
  if (!(settings.seconds > 0)) { return result; }

  std::vector<operand<C>> const copies(static_cast<std::size_t>(settings.memory) / weights.bytes().size() + 1,
                                       weights);
  std::vector<std::span<std::byte const>> memory;
  for (auto const& copy : copies) { memory.push_back(copy.bytes()); }
  bench::pool pool(1);
  double const rate = bench::read_rate(memory, pool);
  double const peak = peak_of<C>(pool);
  std::size_t turn = 0;
  auto const time = [&](index n) {
    auto const next = [&] { call(copies[turn++ % copies.size()], n); };
    // The best of some stretches: whatever else runs here makes calls slower, never faster.
    double const first = bench::seconds(next);
    int const calls = static_cast<int>(std::clamp(settings.seconds / 8 / first, 1.0, 1e6));
    double best = first;
    for (double spent = 0; spent < settings.seconds;) {
      double const taken = bench::seconds([&] {
        for (int i = 0; i < calls; ++i) { next(); }
      });
      best = std::min(best, taken / calls);
      spent += taken;
    }
    double const operations = 2 * count * static_cast<double>(n);
    return speed{best, size / rate, peak > 0 ? operations / peak : 0};
  };
  result.one = time(1);
  result.many = time(settings.tokens);
  return result;
}

}  // namespace

template <std::size_t Part>
measurement measure_one(std::size_t i, measured_layer const& layer, measure_settings const& settings) {
  measurement result;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    auto const one = [&](auto number) {
      if constexpr (number() % parts == Part) {
        if (i == number()) { result = measure_candidate(std::get<number()>(candidates), layer, settings); }
      }
    };
    (one(std::integral_constant<std::size_t, I>()), ...);
  }
  (std::make_index_sequence<candidate_count>());
  return result;
}
template measurement measure_one<CHOOSE_PART>(std::size_t, measured_layer const&, measure_settings const&);

}  // namespace example
