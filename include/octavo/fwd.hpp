// SPDX-License-Identifier: MIT
// Forward declarations of the vocabulary, for headers that only name it.
#pragma once

namespace octavo {
inline namespace v0 {

struct bf16;
struct f16;
struct e8m0;
struct ue4m3;
struct per_tensor;
struct per_row;
struct per_column;
struct per_token;
template <int G>
struct per_group;
template <int G>
struct per_token_group;
template <int G, int R>
struct per_channel_group;
template <class Quantizer, class Granularity>
struct scheme;
template <class Scheme>
class quantized_matrix;
template <class Scheme>
class quantized_matrix_view;
template <class S, class P, class... Smoothing>
struct attention_way;
template <class... Ways>
struct attention_ways;
struct smooth_keys;
struct smooth_queries;
struct smooth_values;

}  // namespace v0
}  // namespace octavo
