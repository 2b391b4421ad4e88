// SPDX-License-Identifier: MIT
// Columns of 64 rows of a dense matrix as floats, [column][row], whatever its strides.
#pragma once

#include <cstddef>
#include <type_traits>

#include "octavo/core/ask_for.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/core/views.hpp"
#include "octavo/simd/batch.hpp"
#include "octavo/storage/panel.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Lines of memory that will be read soon: `count` runs of `run` elements, `stride` apart.
template <class T>
class runs_ahead {
  static constexpr index line = 64 / static_cast<index>(sizeof(T));

 public:
  [[gnu::always_inline]] runs_ahead() noexcept = default;
  [[gnu::always_inline]] runs_ahead(T const* first, index run, index stride, index count) noexcept
      : at_(first + line - 1), run_(run), stride_(stride), left_(run), runs_(count) {}
  /// Asks for the next n lines. (By the last of their elements: those before the first have come with others.)
  [[gnu::always_inline]] void ask(index n) noexcept {
    while (n > 0 && runs_ > 0) {
      index const some = smaller(n * line, left_);
      for (index i = 0; i < some; i += line) { __builtin_prefetch(at_ + i, 0, 2); }
      n -= ceil_div(some, line);
      at_ += some;
      left_ -= some;
      if (left_ == 0) {
        at_ += stride_ - run_;
        left_ = run_;
        --runs_;
      }
    }
  }

  /// How many there are still.
  [[nodiscard, gnu::always_inline]] index left() const noexcept {
    return runs_ == 0 ? 0 : ceil_div(left_, line) + (runs_ - 1) * ceil_div(run_, line);
  }

 private:
  T const* at_;
  index run_;
  index stride_;
  index left_;
  index runs_;
};

/// Floats of 64 rows, column after column.
struct staged_columns {
  float const* at;
  index stride;
};

/// Reads panels of a matrix. Rows that are not there are 0.
template <class A, class T>
class panel_source {
  static constexpr int L = simd::lanes<A>;
  static constexpr int registers = simd::panel_registers<A>;
  using floats = simd::floats<A>;

 public:
  [[gnu::always_inline]] explicit panel_source(matrix_view<T> const& from) noexcept : from_(from) {}

  [[nodiscard, gnu::always_inline]] bool by_rows() const noexcept {
    return from_.col_stride() == 1 && from_.row_stride() != 1;
  }

  /// The same floats as columns(), shown to trackers on their way.
  template <class Tracker>
  staged_columns track_columns(index p, index first, index n, float* room, Tracker* trackers) const noexcept {
    index const row = p * panel_rows;
    if (by_rows() || from_.row_stride() != 1 || from_.rows() - row < panel_rows) {
      staged_columns const values = columns(p, first, n, room);
      track_staged(values, n, trackers);
      return values;
    }
    Tracker own[static_cast<std::size_t>(registers)];
    detail::unroll<registers>([&](int r) __attribute__((always_inline)) { own[r] = trackers[r]; });
    each_column(
        row, first, n, [&own, room ](index k, int r, floats x) __attribute__((always_inline)) {
          own[r].add(x);
          x.store_unaligned(room + k * panel_rows + r * L);
        });
    detail::unroll<registers>([&](int r) __attribute__((always_inline)) { trackers[r] = own[r]; });
    return {room, panel_rows};
  }
  /// The floats of panel p, columns [first, first + n): at `room`, which has space for them, or where they are already.
  staged_columns columns(index p, index first, index n, float* room) const noexcept {
    index const row = p * panel_rows;
    index const rows = smaller(panel_rows, from_.rows() - row);
    if (by_rows()) {
      for (int r = 0; r < registers; ++r) {
        index const there = smaller(larger(rows - r * L, 0), L);
        if (there == L) {
          transpose<true>(row + r * L, L, first, n, room + r * L);
        } else {
          transpose<false>(row + r * L, there, first, n, room + r * L);
        }
      }
    } else if (from_.row_stride() == 1 && rows == panel_rows) {
      if constexpr (std::is_same_v<T, float>) { return {from_.at(row, first), from_.col_stride()}; }
      each_column(
          row, first, n, [room](index k, int r, floats x) __attribute__((always_inline)) {
            x.store_unaligned(room + k * panel_rows + r * L);
          });
    } else {
      for (index k = 0; k < n; ++k) {
        for (index i = 0; i < panel_rows; ++i) {
          room[k * panel_rows + i] = i < rows ? from_(row + i, first + k) : 0.0f;
        }
      }
    }
    return {room, panel_rows};
  }

  /// The lines of columns(), as many as a cache holds; of a panel that is not there none.
  [[nodiscard]] runs_ahead<T> ahead(index p, index first, index n) const noexcept {
    index const row = p * panel_rows;
    index const rows = smaller(panel_rows, from_.rows() - row);
    if (rows <= 0 || n <= 0) { return {from_.data(), 1, 0, 0}; }
    if (by_rows()) { return {from_.at(row, first), n, from_.row_stride(), rows}; }
    return {from_.at(row, first), rows, from_.col_stride(), from_.row_stride() == 1 ? smaller(n, most_ahead) : 0};
  }

  /// Shows the same numbers to trackers of the panel's rows, one for each register. Some need not see them in order.
  template <bool Ordered, class Tracker>
  void track(index p, index first, index n, float* room, Tracker* trackers) const noexcept {
    index const row = p * panel_rows;
    index const rows = smaller(panel_rows, from_.rows() - row);
    if constexpr (!Ordered) {
      if (by_rows()) {
        for (index i = 0; i < rows; ++i) { track_row(row + i, i, first, n, trackers); }
        return;
      }
    }
    if (from_.row_stride() == 1 && rows == panel_rows) {
      Tracker own[static_cast<std::size_t>(registers)];
      detail::unroll<registers>([&](int r) __attribute__((always_inline)) { own[r] = trackers[r]; });
      each_column(
          row, first, n, [&own](index, int r, floats x) __attribute__((always_inline)) { own[r].add(x); });
      detail::unroll<registers>([&](int r) __attribute__((always_inline)) { trackers[r] = own[r]; });
    } else {
      track_staged(columns(p, first, n, room), n, trackers);
    }
  }
  /// And those of columns().
  template <class Tracker>
  static void track_staged(staged_columns values, index n, Tracker* trackers) noexcept {
    Tracker own[static_cast<std::size_t>(registers)];
    detail::unroll<registers>([&](int r) __attribute__((always_inline)) { own[r] = trackers[r]; });
    for (index k = 0; k < n; ++k) {
      detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
        own[r].add(simd::load_floats<A>(values.at + k * values.stride + r * L));
      });
    }
    detail::unroll<registers>([&](int r) __attribute__((always_inline)) { trackers[r] = own[r]; });
  }

 private:
  /// Columns that are asked for before they are read: those a power of two apart share few sets of a cache.
  static constexpr index most_ahead = 64;
  static constexpr index few_ahead = 8;

  /// Whole columns. Memory is asked for those that ahead() leaves out.
  template <class Each>
  [[gnu::always_inline]] void each_column(index row, index first, index n, Each const& each) const noexcept {
    for (index k = 0; k < n; ++k) {
      T const* const column = from_.at(row, first + k);
      if (k + few_ahead >= most_ahead && k + few_ahead < n) {
        detail::ask_for(column + few_ahead * from_.col_stride(), panel_rows);
      }
      detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
        each(k, r, simd::load_as_floats<A>(column + r * L));
      });
    }
  }

  template <class Tracker>
  void track_row(index row, index in_panel, index first, index n, Tracker* trackers) const noexcept {
    T const* const from = from_.at(row, first);
    Tracker a;
    Tracker b;
    index k = 0;
    for (; k + 2 * L <= n; k += 2 * L) {
      a.add(simd::load_as_floats<A>(from + k));
      b.add(simd::load_as_floats<A>(from + k + L));
    }
    for (; k < n; k += L) { a.add(simd::load_first<A>(from + k, smaller(n - k, index{L}))); }
    a.add(b);
    trackers[in_panel / L].add_lanes(static_cast<int>(in_panel % L), a);
  }

  /// Rows [row, row + there): blocks of lanes x lanes change rows for columns.
  template <bool All>
  void transpose(index row, index there, index first, index n, float* to) const noexcept {
    floats x[static_cast<std::size_t>(L)];
    index const stride = from_.row_stride();
    T const* from = from_.at(row, first);
    index k = 0;
    for (; k + L <= n; k += L) {
      detail::unroll<L>([&](int i) __attribute__((always_inline)) {
        if (All || i < there) {
          x[i] = simd::load_as_floats<A>(from + i * stride);
        } else {
          x[i] = floats(0.0f);
        }
      });
      simd::transpose<A>(x);
      detail::unroll<L>([&](int i) __attribute__((always_inline)) { x[i].store_unaligned(to + i * panel_rows); });
      from += L;
      to += L * panel_rows;
    }
    for (; k < n; ++k) {
      for (index i = 0; i < L; ++i) { to[i] = i < there ? static_cast<float>(from[i * stride]) : 0.0f; }
      ++from;
      to += panel_rows;
    }
  }

  matrix_view<T> from_;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
