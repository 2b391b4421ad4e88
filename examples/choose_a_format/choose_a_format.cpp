// SPDX-License-Identifier: MIT
// Which number format for a layer? Bits, error and speed of each, a picture of the frontier, and a recommendation.
#include "frontier.hpp"
#include "measure.hpp"
#include "picture.hpp"
#include "read_matrix.hpp"
#include "shipped_layers.hpp"

#include "../number.hpp"

#include <octavo/simd/arch.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using example::index;
using example::measurement;
using example::speed;

struct options {
  std::string weights, tensor, activations, activations_tensor;
  std::string layer = "2.down";
  std::string data = CHOOSE_DATA_DIR;
  std::string svg = "choose_a_format.svg";
  bool transpose = false;
  bool no_svg = false;
  double error = 0.01;
  int sample = 256;
  example::measure_settings measured;
};

void print_usage(std::FILE* out) {
  options const o;
  std::fprintf(out,
               "usage: choose_a_format [options]\n"
               "  --weights FILE              a matrix, outputs x inputs: safetensors, GGUF or .npy\n"
               "  --tensor NAME               its name in the file; none for .npy\n"
               "  --transpose                 the file has it as inputs x outputs\n"
               "  --activations FILE          what the layer sees, a row for each token\n"
               "  --activations-tensor NAME   its name in the file; none for .npy\n"
               "  --layer NAME                without these, a layer of the model that ships (%s):\n"
               "                              head, 0.qkv, 0.o, 0.gate_up, 0.down, ... 3.down\n"
               "  --sample N                  on so many tokens of its text (%d)\n"
               "  --tokens N                  the second speed is that of so many tokens (%td)\n"
               "  --seconds S                 time for each speed (%g); 0: measure none\n"
               "  --memory MB                 calls take turns with copies of the weights of so many MB (%td)\n"
               "  --error E                   the largest error of the output to recommend (%g)\n"
               "  --svg FILE                  the picture (%s)\n"
               "  --no-svg                    none\n"
               "  --data DIR                  folder of model.safetensors, tokenizer.json, heldout.txt\n",
               o.layer.c_str(), o.sample, o.measured.tokens, o.measured.seconds, o.measured.memory >> 20, o.error,
               o.svg.c_str());
}

bool read_options(int argc, char** argv, options& o) {
  using example::number;
  for (int i = 1; i < argc; ++i) {
    std::string_view const name = argv[i];
    if (name == "--transpose" || name == "--no-svg") {
      (name == "--transpose" ? o.transpose : o.no_svg) = true;
      continue;
    }
    std::string_view const value = i + 1 < argc ? argv[++i] : "";
    auto const text = [&](std::string& to) {
      to = value;
      return !value.empty();
    };
    index megabytes = o.measured.memory >> 20;
    bool const ok = name == "--weights"              ? text(o.weights)
                    : name == "--tensor"             ? text(o.tensor)
                    : name == "--activations"        ? text(o.activations)
                    : name == "--activations-tensor" ? text(o.activations_tensor)
                    : name == "--layer"              ? text(o.layer)
                    : name == "--data"               ? text(o.data)
                    : name == "--svg"                ? text(o.svg)
                    : name == "--sample"             ? number(value, 1, 1 << 14, o.sample)
                    : name == "--tokens"             ? number(value, 1, 1 << 14, o.measured.tokens)
                    : name == "--seconds"            ? number(value, 0.0, 60.0, o.measured.seconds)
                    : name == "--error"              ? number(value, 0.0, 1.0, o.error)
                    : name == "--memory"             ? number(value, 1, 1 << 16, megabytes)
                                                     : false;
    o.measured.memory = megabytes << 20;
    if (!ok) {
      std::fprintf(stderr, "choose_a_format: cannot use %s %s\n", std::string(name).c_str(),
                   std::string(value).c_str());
      return false;
    }
  }
  return true;
}

/// The files that the options name; nothing, and what to do in `error`, if they do not fit.
std::optional<example::layer_sample> read_files(options const& o, std::string& error) {
  if (o.weights.empty() || o.activations.empty()) {
    error = "pass both --weights and --activations: the error of a format depends on what the layer sees";
    return std::nullopt;
  }
  auto weights = example::read_matrix(o.weights, o.tensor, error);
  if (!weights) { return std::nullopt; }
  auto const activations = example::read_matrix(o.activations, o.activations_tensor, error);
  if (!activations) { return std::nullopt; }
  if (o.transpose) { weights->transposeInPlace(); }
  auto const extents = [](Eigen::MatrixXf const& m) {
    return std::to_string(m.rows()) + " x " + std::to_string(m.cols());
  };
  if (activations->cols() != weights->cols()) {
    bool const other = activations->cols() == weights->rows();
    error = "W is " + extents(*weights) + ", so each token needs " + std::to_string(weights->cols()) +
            " numbers, but the activations are " + extents(*activations) +
            (other ? "; if the file has W as inputs x outputs, pass --transpose"
                   : "; they should have a row for each token");
    return std::nullopt;
  }
  return example::layer_sample{*std::move(weights), activations->transpose()};
}

std::optional<example::layer_sample> read_shipped(options const& o, std::string& error) {
  example::recording seen;
  if (!example::run_shipped_llama(o.data, o.sample, seen, error)) { return std::nullopt; }
  std::string names;
  for (std::size_t i = 0; i < seen.layers.size(); ++i) {
    auto const name = example::llama_layer_name(i);
    if (name == o.layer) { return example::layer_sample{seen.layers[i].weights, seen.layers[i].x()}; }
    names += (i == 0 ? "" : " ") + name;
  }
  error = "the model has no layer " + o.layer + "; its layers are " + names;
  return std::nullopt;
}

/// The fastest of those that err little enough; of those that are not timed, the smallest.
measurement const* best(std::vector<measurement> const& all, speed measurement::*which, double error) {
  measurement const* found = nullptr;
  for (std::size_t i = 1; i < all.size(); ++i) {
    auto const cost = [&](measurement const& m) {
      double const seconds = (m.*which).measured;
      return seconds > 0 ? seconds : m.bits;
    };
    if (all[i].nmse <= error && (found == nullptr || cost(all[i]) < cost(*found))) { found = &all[i]; }
  }
  return found;
}

void recommend(std::vector<measurement> const& all, options const& o) {
  bool const timed = o.measured.seconds > 0;
  auto const* const one = best(all, &measurement::one, o.error);
  if (one == nullptr) {
    auto const* const least =
        &*std::min_element(all.begin() + 1, all.end(), [](auto const& a, auto const& b) { return a.nmse < b.nmse; });
    std::printf(
        "\nNo format errs by %g or less here; %s is nearest, with %.3g. Calibrate (octavo/calibration), or allow\n"
        "more with --error.\n",
        o.error, least->name.c_str(), least->nmse);
    return;
  }
  if (!timed) {
    std::printf("\nRecommended: %s, the smallest of those that err by at most %g: %.2f bits, error %.3g.\n",
                one->name.c_str(), o.error, one->bits, one->nmse);
    return;
  }
  auto const* const many = best(all, &measurement::many, o.error);
  auto const gain = [&](measurement const& m, speed measurement::*which) {
    return (all[0].*which).measured / (m.*which).measured;
  };
  std::printf(
      "\nRecommended: %s. Of the formats that err by at most %g it is the fastest for 1 token, %.1f times as fast\n"
      "as float, in %.2f bits a weight, with an error of %.3g. ",
      one->name.c_str(), o.error, gain(*one, &measurement::one), one->bits, one->nmse);
  if (many == one) {
    std::printf("It is the fastest for %td tokens, too, %.1f times.\n", o.measured.tokens,
                gain(*one, &measurement::many));
  } else {
    std::printf("For %td tokens at once %s is: %.1f times\nas fast as float, %s is %.1f times.\n", o.measured.tokens,
                many->name.c_str(), gain(*many, &measurement::many), one->name.c_str(),
                gain(*one, &measurement::many));
  }
}

void print_table(std::vector<measurement> const& all, options const& o) {
  bool const timed = o.measured.seconds > 0;
  auto const good_one = example::frontier(all, &measurement::one);
  auto const good_many = example::frontier(all, &measurement::many);
  std::printf("%-12s %-9s %6s %10s", "scheme", "path", "bits", "nmse");
  if (timed) {
    std::printf("   %9s %9s   %9s %9s", "1 tok us", "roof us",
                (std::to_string(o.measured.tokens) + " tok us").c_str(), "roof us");
  }
  std::printf("   weights x activations\n");
  for (std::size_t i = timed ? 0 : 1; i < all.size(); ++i) {
    auto const& m = all[i];
    std::printf("%-12s %-9s %6.2f %10.2e", m.name.c_str(), m.path.c_str(), m.bits, m.nmse);
    if (timed) {
      auto const print = [](speed const& s, bool good) {
        std::printf("   %9.1f%c%9.1f", s.measured * 1e6, good ? '*' : ' ', s.predicted() * 1e6);
      };
      print(m.one, good_one[i]);
      print(m.many, good_many[i]);
    }
    std::printf("   %s\n", m.text.c_str());
  }
}

int fail(std::string const& text) {
  std::fprintf(stderr, "choose_a_format: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--help") {
      print_usage(stdout);
      return 0;
    }
  }
  if (!read_options(argc, argv, o)) {
    print_usage(stderr);
    return 1;
  }
  std::string error;
  bool const own = o.weights.empty() && o.activations.empty();
  auto const layer = own ? read_shipped(o, error) : read_files(o, error);
  if (!layer) { return fail(error); }
  if (!(layer->weights.squaredNorm() > 0 && layer->tokens.squaredNorm() > 0)) {
    return fail("the weights or the activations are all 0; there is nothing to compare");
  }

  std::string const title =
      (own ? "Layer " + o.layer + " of the model of examples/generate" : o.weights + " " + o.tensor) + ", " +
      std::to_string(layer->weights.rows()) + " x " + std::to_string(layer->weights.cols()) + ", " +
      std::to_string(layer->tokens.cols()) + " tokens";
  auto const all =
      example::measure(*layer, o.measured, [](char const* name) { std::fprintf(stderr, "\rmeasuring %-14s", name); });
  std::fprintf(stderr, "\r%-24s\r", "");
  std::string const machine = std::string("; ") + octavo::arch_name<octavo::default_arch> + ", one thread";
  std::printf("%s%s.\n", title.c_str(), o.measured.seconds > 0 ? machine.c_str() : "");
  if (o.measured.seconds > 0) {
    std::printf(
        "* on the frontier: no other errs less and is faster. roof: what reading the weights, or the products at the\n"
        "peak of their instruction, take at least.\n");
  }
  std::printf("\n");
  print_table(all, o);
  recommend(all, o);
  if (o.measured.seconds > 0 && !o.no_svg) {
    std::FILE* const file = std::fopen(o.svg.c_str(), "w");
    auto const picture = example::draw(all, title + machine, o.measured.tokens);
    bool const written = file != nullptr && std::fwrite(picture.data(), 1, picture.size(), file) == picture.size();
    if (file == nullptr || std::fclose(file) != 0 || !written) {
      return fail(o.svg + ": " + std::strerror(errno) + "; name another file with --svg, or pass --no-svg");
    }
    std::printf("The picture is %s.\n", o.svg.c_str());
  }
  return 0;
}
