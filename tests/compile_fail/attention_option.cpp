// expect: Octavo: attention takes these options: attention_heads, causal, sliding_window, softmax_scale, soft_cap,
// alibi, additive_bias, boolean_mask, block_mask, sink_logits, log_sum_exp, ragged, smooth_keys, key_shift,
// smooth_queries, query_shift, smooth_values, key_rope, log_base, sulq_params, a context (on(pool)).
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf x(3, 2);
  Eigen::MatrixXf y(3, 2);
#ifdef OCTAVO_COMPILES
  octavo::attention(x, x, x, y, octavo::causal{});
#else
  octavo::attention(x, x, x, y, octavo::no_epilogue{});
#endif
}
