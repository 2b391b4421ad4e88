// SPDX-License-Identifier: MIT
// Values of a cache as elements, for what quantizes them itself: a leaf of pages becomes f32, key after key.
#pragma once

#include <cstring>

#include "octavo/kernel/dense_pages.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Base, which takes values that are elements (code_values, minifloat_values), over a side of a cache, whatever stores
/// it: with the bits of Base over such floats.
template <class A, class V, class Base>
class page_elements : public Base {
  using reader = dense_page_values<A, V>;

 public:
  explicit page_elements(cache_values<V> const& v) noexcept
      : Base(heads_view<float const>(nullptr, v.head_dim(), v.heads(), 0, 0, 0)), pages_(v) {}

  /// Another cache of the same shape.
  void read(cache_values<V> const& v) noexcept { pages_.read(v); }

  [[nodiscard]] index scratch() const {
    return Base::scratch() + pages_.scratch() + product(leaf_keys, pages_.head_dim());
  }
  void use(float* scratch) noexcept {
    Base::use(scratch);
    blocks_ = scratch + Base::scratch();
    keys_ = blocks_ + pages_.scratch();
  }
  void load_leaf(index head, index first, index n) noexcept {
    index const e = pages_.head_dim();
    index const all = dense_panels<A>::filled(n);
    pages_.read_floats(head, first, n, blocks_);
    for (index c = 0; c < e; c += reader::width) {
      auto const bytes = static_cast<std::size_t>(smaller(reader::width, e - c)) * sizeof(float);
      for (index j = 0; j < n; ++j) { std::memcpy(keys_ + j * e + c, blocks_ + c * all + j * reader::width, bytes); }
    }
    Base::read(heads_view<float const>(keys_, e, 1, n, 0, e));
    Base::load_leaf(0, 0, n);
  }

 private:
  reader pages_;
  float* blocks_ = nullptr;
  float* keys_ = nullptr;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
