// SPDX-License-Identifier: MIT
#include "octavo/kernel/pack_two_level.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

float half(float x) { return static_cast<float>(f16(x)); }
float inverse(float x) { return x == 0 ? 0.0f : 1.0f / x; }
float bounded(float x, float low, float high) { return std::min(std::max(std::nearbyint(x), low), high); }

/// What a law gives: for each group of those that share, scale and minimum; and the value of x in the group.
struct group {
  float scale = 0;
  float minimum = 0;
};
using values = std::vector<std::vector<float>>;

/// Q4_K as formulas: d s q - dmin m, with d and dmin in f16, s and m of 6 bits.
struct law_of_q4_k {
  using scheme = q4_k;
  static constexpr int size = 32;
  static constexpr int sharing = 8;
  static std::vector<group> groups(values const& all, values const&) {
    float most = 0;
    float deepest = 0;
    std::vector<group> result;
    for (auto const& xs : all) {
      float const low = std::min(0.0f, *std::min_element(xs.begin(), xs.end()));
      float const high = std::max(0.0f, *std::max_element(xs.begin(), xs.end()));
      result.push_back({(high - low) / 15, low});
      most = std::max(most, result.back().scale);
      deepest = std::max(deepest, -low);
    }
    float const d = half(most / 63);
    float const dmin = half(deepest / 63);
    for (auto& g : result) {
      g.scale = d * bounded(g.scale * inverse(d), 0, 63);
      g.minimum = -(dmin * bounded(-g.minimum * inverse(dmin), 0, 63));
    }
    return result;
  }
  static float integer(float x, group const& g) {
    float const volatile above = x - g.minimum;
    return bounded(above * inverse(g.scale), 0, 15);
  }
};
/// Q6_K: d s q with s an int8, q from the largest, which becomes -32.
struct law_of_q6_k {
  using scheme = q6_k;
  static constexpr int size = 16;
  static constexpr int sharing = 16;
  static float farthest(std::vector<float> const& xs) {
    float m = 0;
    for (float const x : xs) { m = std::fabs(x) > std::fabs(m) ? x : m; }
    return m;
  }
  static std::vector<group> groups(values const& all, values const&) {
    std::vector<float> scales;
    for (auto const& xs : all) { scales.push_back(farthest(xs) / -32); }
    float const d = half(farthest(scales) / -128);
    std::vector<group> result;
    for (float const s : scales) { result.push_back({d * bounded(s * inverse(d), -128, 127), 0}); }
    return result;
  }
  static float integer(float x, group const& g) { return bounded(x * inverse(g.scale), -32, 31); }
};
/// NVFP4: the scale of the matrix is absmax / 6 / 448, that of a group e4m3.
struct law_of_nvfp4 {
  using scheme = nvfp4;
  static constexpr int size = 16;
  static constexpr int sharing = 1 << 20;
  static float absmax(std::vector<float> const& xs) {
    float m = 0;
    for (float const x : xs) { m = std::max(m, std::fabs(x)); }
    return m;
  }
  static std::vector<group> groups(values const& all, values const& matrix) {
    float most = 0;
    for (auto const& xs : matrix) { most = std::max(most, absmax(xs) / 6); }
    std::vector<group> result;
    for (auto const& xs : all) {
      result.push_back({most / 448 * e4m3::decode(e4m3::encode(absmax(xs) / 6 * (448 / most))), 0});
    }
    return result;
  }
  static float integer(float x, group const& g) { return e2m1::decode(e2m1::encode(x * inverse(g.scale))); }
};

template <class Law>
values groups_of_row(test::matrix<float> const& w, octavo::index r) {
  values all;
  for (octavo::index c = 0; c < w.cols(); ++c) {
    if (c % Law::size == 0) { all.emplace_back(); }
    all.back().push_back(w(r, c));
  }
  return all;
}

template <class Law>
int wrong_elements(quantized_matrix<typename Law::scheme> const& q, test::matrix<float> const& w) {
  using F = typename Law::scheme::format;
  auto const view = q.view();
  int wrong = 0;
  values matrix;
  for (octavo::index r = 0; r < w.rows(); ++r) {
    for (auto const& xs : groups_of_row<Law>(w, r)) { matrix.push_back(xs); }
  }
  for (octavo::index r = 0; r < w.rows(); ++r) {
    auto const all = groups_of_row<Law>(w, r);
    for (std::size_t first = 0; first < all.size(); first += Law::sharing) {
      auto const end = std::min(all.size(), first + Law::sharing);
      auto const from = all.begin() + static_cast<std::ptrdiff_t>(first);
      auto const expected = Law::groups(values(from, all.begin() + static_cast<std::ptrdiff_t>(end)), matrix);
      for (std::size_t g = first; g < end; ++g) {
        auto const i = static_cast<octavo::index>(g);
        auto const& e = expected[g - first];
        wrong += view.scale_at(r, i) == e.scale && view.minimum_at(r, i) == e.minimum ? 0 : 1;
        for (std::size_t k = 0; k < all[g].size(); ++k) {
          auto const c = i * Law::size + static_cast<octavo::index>(k);
          wrong += F::decode(view.code_at(r, c)) == Law::integer(all[g][k], e) ? 0 : 1;
          wrong += view(r, c) == std::fma(e.scale, F::decode(view.code_at(r, c)), e.minimum) ? 0 : 1;
        }
      }
    }
  }
  for (octavo::index r = w.rows(); r < view.layout().panels() * 64; ++r) {
    for (octavo::index c = 0; c < w.cols(); ++c) { wrong += F::decode(view.code_at(r, c)) == 0 ? 0 : 1; }
    wrong += view.scale_at(r, 0) == 0 ? 0 : 1;
  }
  return wrong;
}

template <class S>
bool same_bytes(quantized_matrix<S> const& a, quantized_matrix<S> const& b) {
  return a.size_bytes() == b.size_bytes() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size_bytes())) == 0;
}

template <class Law>
void check_law() {
  using S = typename Law::scheme;
  for (octavo::index const rows : {1, 63, 65, 130}) {
    for (octavo::index const cols : {1, 15, 33, 256, 257, 600}) {
      INFO(rows << " x " << cols);
      test::matrix<float> w(rows, cols, static_cast<std::uint64_t>(rows * 1000 + cols));
      for (octavo::index c = 0; c < cols; ++c) { w(0, c) *= c % 64 < 32 ? 0.01f : 1.0f; }  // groups of other sizes
      auto const q = quantize<S>(w, on<scalar>());
      CHECK(wrong_elements<Law>(q, w) == 0);
      test::for_vector_archs(
          [&](auto arch) { CHECK(same_bytes(quantize<S>(w, on<typename decltype(arch)::type>()), q)); });
      auto const twice = [](octavo::index n, auto const& task) {
        for (octavo::index i = n; i > 0; --i) { task(i - 1); }
      };
      CHECK(same_bytes(quantize<S>(w, on(twice)), q));
    }
  }
}

/// A number that is none makes its row NaN where it shares, and leaves the others as they are.
template <class S>
void check_not_finite(float bad, octavo::index alone_from) {
  test::matrix<float> w(66, 600, 5);
  w(64, 40) = 0;
  auto const good = quantize<S>(w, on<scalar>());
  w(64, 40) = bad;
  auto const q = quantize<S>(w, on<scalar>());
  int wrong = 0;
  for (octavo::index r = 0; r < 66; ++r) {
    for (octavo::index c = 0; c < 600; ++c) {
      if (r == 64 && c < alone_from) {
        wrong += std::isnan(q.view()(r, c)) ? 0 : 1;
      } else {
        wrong += test::same_bits(q.view()(r, c), good.view()(r, c)) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

/// LQ-LoRA: s = off + step q of eight bits, off and step in bf16.
struct law_of_lq_lora {
  using scheme = lq_lora<nf3>;
  static constexpr int size = 64;
  static constexpr int sharing = 256;
  static std::vector<group> groups(values const& all, values const&) {
    std::vector<group> result;
    float least = std::numeric_limits<float>::infinity();
    float most = 0;
    for (auto const& xs : all) {
      float m = 0;
      for (float const x : xs) { m = std::max(m, std::fabs(x)); }
      result.push_back({m, 0});
      least = std::min(least, m);
      most = std::max(most, m);
    }
    auto const brain = [](float x) { return static_cast<float>(bf16(x)); };
    float const step = brain((most - least) / 255);
    for (auto& g : result) {
      float const volatile above = g.scale - brain(least);
      g.scale = std::fma(step, bounded(above * inverse(step), 0, 255), brain(least));
    }
    return result;
  }
  static float integer(float x, group const& g) {
    return nf3::decode(nf3::encode(bounded_value(x * inverse(g.scale))));
  }
  static float bounded_value(float x) { return std::min(std::max(x, -1.0f), 1.0f); }
};

TEST_CASE("two levels of scales are those of the formulas, for any rows and columns") {
  check_law<law_of_q4_k>();
  check_law<law_of_q6_k>();
  check_law<law_of_nvfp4>();
  check_law<law_of_lq_lora>();
}

TEST_CASE("weights of either order and of any element type give one matrix") {
  test::matrix<float> w(67, 300);
  test::matrix<bf16> const w16(67, 300, 8);
  std::vector<float> by_rows(67 * 300);
  for (octavo::index r = 0; r < 67; ++r) {
    for (octavo::index c = 0; c < 300; ++c) {
      w(r, c) = static_cast<float>(w16(r, c));
      by_rows[static_cast<std::size_t>(r * 300 + c)] = w(r, c);
    }
  }
  auto const q = quantize<q4_k>(w, on<scalar>());
  CHECK(same_bytes(quantize<q4_k>(w16, on<scalar>()), q));
  CHECK(same_bytes(quantize<q4_k>(matrix_view<float>(by_rows.data(), 67, 300, 300, 1), on<scalar>()), q));
}

TEST_CASE("numbers that are none stay in their row") {
  for (float const bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    check_not_finite<q4_k>(bad, 256);
    check_not_finite<q6_k>(-bad, 256);
    check_not_finite<nvfp4>(bad, 600);
  }
}

TEST_CASE("scales and zeros that sixteen rows share are those of SpQR's formulas") {
  for (octavo::index const rows : {1, 17, 64, 83}) {
    for (octavo::index const cols : {5, 16, 49}) {
      INFO(rows << " x " << cols);
      test::matrix<float> const w(rows, cols, static_cast<std::uint64_t>(rows + cols));
      auto const q = quantize<spqr<3>>(w, on<scalar>());
      auto const view = q.view();
      int wrong = 0;
      for (octavo::index first = 0; first < rows; first += 16) {
        octavo::index const end = std::min<octavo::index>(first + 16, rows);
        for (octavo::index g = 0; g * 16 < cols; ++g) {
          octavo::index const last = std::min<octavo::index>(g * 16 + 16, cols);
          // Of each row, and of the sixteen: the nearest of eight values above the least, step and least in f16.
          std::vector<float> scales, zeros;
          for (octavo::index r = first; r < end; ++r) {
            float low = w(r, g * 16);
            float high = low;
            for (octavo::index c = g * 16; c < last; ++c) {
              low = std::min(low, w(r, c));
              high = std::max(high, w(r, c));
            }
            if (low == high) {
              low = std::min(low, 0.0f);
              high = std::max(high, 0.0f);
            }
            scales.push_back((high - low) / 7);
            zeros.push_back(scales.back() == 0 ? 0.0f : -low / scales.back());
          }
          auto const coded = [](std::vector<float>& all) {
            float const least = half(*std::min_element(all.begin(), all.end()));
            float const extent =
                *std::max_element(all.begin(), all.end()) - *std::min_element(all.begin(), all.end());
            float const step = half(extent / 7);
            for (float& x : all) {
              float const volatile above = x - least;
              x = std::fma(step, bounded(above * inverse(step), 0, 7), least);
            }
          };
          coded(scales);
          coded(zeros);
          for (octavo::index r = first; r < end; ++r) {
            auto const i = static_cast<std::size_t>(r - first);
            float const volatile minimum = -(scales[i] * zeros[i]);
            wrong += view.scale_at(r, g) == scales[i] && view.minimum_at(r, g) == minimum ? 0 : 1;
            for (octavo::index c = g * 16; c < last; ++c) {
              float const volatile above = w(r, c) - minimum;
              float const expected = bounded(above * inverse(scales[i]), 0, 7);
              wrong += uint3::decode(view.code_at(r, c)) == expected ? 0 : 1;
              wrong += view(r, c) == std::fma(scales[i], expected, minimum) ? 0 : 1;
            }
          }
        }
      }
      CHECK(wrong == 0);
      test::for_vector_archs(
          [&](auto arch) { CHECK(same_bytes(quantize<spqr<3>>(w, on<typename decltype(arch)::type>()), q)); });
    }
  }
}

TEST_CASE("zeros and no elements") {
  test::matrix<float> const zeros(3, 40);
  auto const q = quantize<nvfp4>(zeros, on<scalar>());
  CHECK(test::differences(q.view(), zeros) == 0);
  CHECK(quantize<q4_k>(test::matrix<float>(0, 40), on<scalar>()).size_bytes() == 0);
  CHECK(quantize<q4_k>(test::matrix<float>(40, 0), on<scalar>()).size_bytes() == 0);
}
