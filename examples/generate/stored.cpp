// SPDX-License-Identifier: MIT
#include "stored.hpp"

namespace example {

namespace {

template <class S, class A>
struct block_of final : stored_block<A> {
  using input = typename stored_block<A>::input;
  block_of(std::span<weights const> parts, thread_pool& pool) : layer(parts, pool) {}

  [[nodiscard]] index rows() const override { return layer.rows(); }
  [[nodiscard]] index bytes() const override { return layer.bytes(); }
  void row(index r, float* out) const override { layer.row(r, out); }
  void product(input const& x, tokens_view<float> y, bool sum_up, machine& m) const override {
    sum_up ? layer.add(x, y, m) : layer.multiply(x, y, m);
  }

  linear<S, A> layer;
};

}  // namespace

template <class A>
std::unique_ptr<stored_block<A> const> make_block(std::span<weights const> parts, thread_pool& pool) {
  std::unique_ptr<stored_block<A> const> block;
  auto const make = [&]<class S>(S*) { block = std::make_unique<block_of<S, A>>(parts, pool); };
  if (!stored::visit(parts[0], make)) { make(static_cast<stored::rounded*>(nullptr)); }
  return block;
}

template std::unique_ptr<stored_block<octavo::schemes::a8> const> make_block(std::span<weights const>, thread_pool&);

}  // namespace example
