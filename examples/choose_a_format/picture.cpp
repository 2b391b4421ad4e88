// SPDX-License-Identifier: MIT
#include "picture.hpp"

#include "frontier.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace example {
namespace {

// Classes carry the colours, so that a viewer in dark mode turns them around. The attribute `fill` of each element is
// for viewers that know no style sheets.
constexpr char const* style =
    "<style>\n"
    ".paper{fill:#ffffff}.ink{fill:#1d2733}.quiet{fill:#5b6672}.grid{stroke:#dfe4e9}.axis{stroke:#8a95a1}\n"
    ".good{fill:#0b6e75}.edge{stroke:#0b6e75}.other{fill:#b5651d}.rest{stroke:#b5651d}.base{stroke:#5b6672}\n"
    "@media (prefers-color-scheme: dark){\n"
    ".paper{fill:#14181d}.ink{fill:#e8edf2}.quiet{fill:#a3aeb9}.grid{stroke:#2c343d}.axis{stroke:#77828e}\n"
    ".good{fill:#55c8ce}.edge{stroke:#55c8ce}.other{fill:#e79a55}.rest{stroke:#e79a55}.base{stroke:#a3aeb9}}\n"
    "</style>\n";

template <class... T>
std::string format(char const* how, T... values) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), how, values...);
  return text.data();
}

std::string escaped(std::string const& text) {
  std::string result;
  for (char const c : text) { result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c); }
  return result;
}

constexpr char const* middle = "middle";

class sheet {
 public:
  void text(double x, double y, std::string const& words, int size, char const* kind = "ink",
            char const* anchor = "start", char const* more = "") {
    body_ += format("<text class=\"%s\" fill=\"%s\" x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"%s\" %s>",
                    kind, *kind == 'q' ? "#5b6672" : "#1d2733", x, y, size, anchor, more) +
             escaped(words) + "</text>\n";
  }
  void line(double x1, double y1, double x2, double y2, char const* kind, char const* more = "") {
    char const* const colour = *kind == 'g'   ? "#dfe4e9"
                               : *kind == 'e' ? "#0b6e75"
                               : *kind == 'r' ? "#b5651d"
                                              : "#8a95a1";
    body_ += format("<line class=\"%s\" stroke=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", kind,
                    colour, x1, y1, x2, y2, more);
  }
  void dot(double x, double y, bool good) {
    body_ += format("<circle class=\"%s\" fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n", good ? "good" : "other",
                    good ? "#0b6e75" : "#b5651d", x, y);
  }
  [[nodiscard]] std::string finish(int width, int height) const {
    return format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" ",
                  width, height, width, height) +
           "font-family=\"Helvetica, Arial, DejaVu Sans, sans-serif\">\n" + style +
           "<rect class=\"paper\" fill=\"#ffffff\" width=\"100%\" height=\"100%\"/>\n" + body_ + "</svg>\n";
  }

 private:
  std::string body_;
};

/// A logarithmic axis on [from, to] pixels.
struct axis {
  double least, most;  // logarithms
  double from, to;

  [[nodiscard]] double operator()(double value) const {
    return from + (std::log10(value) - least) / (most - least) * (to - from);
  }
  /// 10^n, and 2 and 5 times it where these leave room.
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> result;
    bool const fine = most - least < 3.2;
    for (double n = std::floor(least); n <= most; ++n) {
      for (double const m : {1.0, 2.0, 5.0}) {
        double const value = m * std::pow(10.0, n);
        bool const inside = std::log10(value) > least - 1e-9 && std::log10(value) < most + 1e-9;
        if (inside && (m == 1 || fine)) { result.push_back(value); }
      }
    }
    return result;
  }
};

/// An axis with a margin around the values.
axis around(std::vector<double> const& values, double from, double to) {
  auto const [low, high] = std::minmax_element(values.begin(), values.end());
  double const margin = 0.06 * (std::log10(*high) - std::log10(*low)) + 0.05;
  return {std::log10(*low) - margin, std::log10(*high) + margin, from, to};
}

constexpr double panel_width = 500;
constexpr double panel_height = 400;
constexpr int label_size = 12;

/// The first place for a label near a dot that meets nothing; of the thin `bars`, only if such a place is near.
box place(double x, double y, std::string const& label, box const& panel, std::vector<box> const& taken,
          std::vector<box> const& bars) {
  double const width = 7.7 * static_cast<double>(label.size());  // of bold letters, on average
  double const height = label_size + 2;
  box best{};
  for (double distance = 9; distance < 160; distance += 5) {
    for (auto const& [right, down] : {std::pair{1.0, 0.0},
                                      {-1.0, 0.0},
                                      {0.0, -1.0},
                                      {0.0, 1.0},
                                      {0.8, -0.7},
                                      {-0.8, -0.7},
                                      {0.8, 0.7},
                                      {-0.8, 0.7}}) {
      double const middle_x = x + right * (distance + width / 2);
      double const middle_y = y + down * (distance + height / 2 - 4);
      best = {middle_x - width / 2, middle_y - height / 2, width, height};
      bool const inside = best.left > panel.left && best.left + width < panel.left + panel.width &&
                          best.top > panel.top && best.top + height < panel.top + panel.height;
      auto const meets = [&](box const& b) { return b.meets(best); };
      if (inside && std::none_of(taken.begin(), taken.end(), meets) &&
          (distance > 24 || std::none_of(bars.begin(), bars.end(), meets))) {
        return best;
      }
    }
  }
  return best;  // too many for the panel: the picture is crowded then
}

void draw_panel(sheet& to, std::vector<measurement> const& all, speed measurement::*which, index tokens, double left,
                double top, std::vector<box>* labels) {
  box const panel{left, top, panel_width, panel_height};
  auto const rate = [&](measurement const& m, double seconds) {
    return m.weights * static_cast<double>(tokens) / seconds * 1e-9;
  };
  std::vector<double> errors, rates;
  for (std::size_t i = 0; i < all.size(); ++i) {
    rates.push_back(rate(all[i], (all[i].*which).measured));
    if (i == 0) { continue; }
    rates.push_back(rate(all[i], (all[i].*which).predicted()));
    errors.push_back(all[i].nmse);
  }
  axis const x = around(errors, left, left + panel_width);
  axis const y = around(rates, top + panel_height, top);

  to.text(left, top - 14, tokens == 1 ? "1 token (decoding)" : std::to_string(tokens) + " tokens (a prompt)", 15,
          "ink", "start", "font-weight=\"600\"");
  for (double const tick : x.ticks()) {
    to.line(x(tick), top, x(tick), top + panel_height, "grid");
    to.text(x(tick), top + panel_height + 18, format("%g", tick), 11, "quiet", middle);
  }
  for (double const tick : y.ticks()) {
    to.line(left, y(tick), left + panel_width, y(tick), "grid");
    to.text(left - 8, y(tick) + 4, format("%g", tick), 11, "quiet", "end");
  }
  to.line(left, top + panel_height, left + panel_width, top + panel_height, "axis");
  to.line(left, top, left, top + panel_height, "axis");
  to.text(left + panel_width / 2, top + panel_height + 40, "error of the output (nmse), less is better", 12, "quiet",
          middle);
  to.text(0, 0, "10⁹ multiply-adds / s, more is better", 12, "quiet", middle,
          format("transform=\"translate(%.1f %.1f) rotate(-90)\"", left - 44, top + panel_height / 2).c_str());

  std::vector<box> taken, bars;
  double const base = y(rates[0]);
  to.line(left, base, left + panel_width, base, "base", "stroke-dasharray=\"6 5\"");
  std::string const base_label = all[0].name + " (" + all[0].path + ")";
  to.text(left + panel_width - 6, base - 6, base_label, label_size, "quiet", "end");
  double const base_width = 7.0 * static_cast<double>(base_label.size());
  taken.push_back({left + panel_width - 6 - base_width, base - 18, base_width, 19});

  auto const good = frontier(all, which);
  auto const at = [&](std::size_t i) { return std::pair{x(all[i].nmse), y(rate(all[i], (all[i].*which).measured))}; };
  std::vector<std::pair<double, double>> edge;
  for (std::size_t i = 1; i < all.size(); ++i) {
    auto const [px, py] = at(i);
    taken.push_back({px - 6, py - 6, 12, 12});
    if (good[i]) { edge.emplace_back(px, py); }
    // A thin line up to what the roofs allow.
    double const roof = y(rate(all[i], (all[i].*which).predicted()));
    char const* const kind = good[i] ? "edge" : "rest";
    to.line(px, py, px, roof, kind, "stroke-width=\"1\" opacity=\"0.45\"");
    to.line(px - 6, roof, px + 6, roof, kind, "stroke-width=\"2\" opacity=\"0.75\"");
    taken.push_back({px - 7, roof - 2, 14, 4});
    bars.push_back({px - 1, std::min(py, roof), 2, std::abs(py - roof)});
  }
  std::sort(edge.begin(), edge.end());
  for (std::size_t i = 1; i < edge.size(); ++i) {
    auto const [ax, ay] = edge[i - 1];
    auto const [bx, by] = edge[i];
    to.line(ax, ay, bx, by, "edge", "stroke-width=\"2\"");
    int const steps = static_cast<int>(std::hypot(bx - ax, by - ay) / 4) + 1;
    for (int k = 0; k < steps; ++k) {
      taken.push_back({ax + (bx - ax) * k / steps - 2, ay + (by - ay) * k / steps - 2, 4, 4});
    }
  }
  for (std::size_t i = 1; i < all.size(); ++i) {
    auto const [px, py] = at(i);
    to.dot(px, py, good[i]);
    auto const label = place(px, py, all[i].name, panel, taken, bars);
    taken.push_back(label);
    if (labels != nullptr) { labels->push_back(label); }
    double const middle_x = label.left + label.width / 2;
    double const middle_y = label.top + label.height / 2;
    if (std::hypot(std::max(std::abs(middle_x - px) - label.width / 2, 0.0), middle_y - py) > 20) {
      to.line(px, py, std::clamp(px, label.left, label.left + label.width), middle_y, "axis", "opacity=\"0.6\"");
    }
    to.text(middle_x, label.top + label.height - 3, all[i].name, label_size, "ink", middle,
            good[i] ? "font-weight=\"600\"" : "");
  }
}

}  // namespace

std::string draw(std::vector<measurement> const& all, std::string const& title, index tokens,
                 std::vector<box>* labels) {
  sheet to;
  to.text(40, 36, "Error and speed of number formats", 20, "ink", "start", "font-weight=\"600\"");
  to.text(40, 58, title, 12, "quiet");
  to.text(40, 76,
          "Joined: the frontier, beyond which nothing errs less and is faster. Bars: what memory and the peak of the "
          "path's instruction would allow.",
          12, "quiet");
  draw_panel(to, all, &measurement::one, 1, 90, 126, labels);
  draw_panel(to, all, &measurement::many, tokens, 90 + panel_width + 90, 126, labels);
  return to.finish(1230, 590);
}

}  // namespace example
