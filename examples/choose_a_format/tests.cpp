// SPDX-License-Identifier: MIT
// Checks the reader of .npy files, also against hostile ones, the frontier and the picture.
#include "frontier.hpp"
#include "npy.hpp"
#include "picture.hpp"

#include "../check.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using example::check;
using bytes = std::vector<std::byte>;

// ---- .npy ----

template <class T>
bytes bytes_of(std::vector<T> const& values) {
  bytes result(values.size() * sizeof(T));
  std::memcpy(result.data(), values.data(), result.size());
  return result;
}

/// As numpy.save writes it: the header is padded to a multiple of 64.
bytes npy(std::string header, bytes const& data, int version = 1) {
  std::size_t const before = version == 1 ? 10 : 12;
  while ((before + header.size() + 1) % 64 != 0) { header += ' '; }
  header += '\n';
  std::string text = "\x93NUMPY";
  text += static_cast<char>(version);
  text += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) { text += static_cast<char>(header.size() >> (8 * i) & 255); }
  text += header;
  bytes file(text.size());
  std::memcpy(file.data(), text.data(), text.size());
  file.insert(file.end(), data.begin(), data.end());
  return {file.begin(), file.end()};
}

std::string header_of(std::string_view descr, std::string_view order, std::string_view shape) {
  return "{'descr': '" + std::string(descr) + "', 'fortran_order': " + std::string(order) +
         ", 'shape': " + std::string(shape) + ", }";
}

void check_reads(bytes const& file, Eigen::MatrixXf const& expected, std::string const& what) {
  std::string error;
  auto const found = example::read_npy(file, error);
  check(found.has_value(), what + ": " + error);
  if (found) {
    check(found->rows() == expected.rows() && found->cols() == expected.cols() && *found == expected,
          what + ": values");
  }
}

void check_refused(bytes const& file, std::string_view reason, std::string const& what) {
  std::string error;
  check(!example::read_npy(file, error), what + " is read");
  example::check_says(error, reason, what);
}

void check_npy() {
  Eigen::MatrixXf m(2, 3);
  m << 1, 2, 3, 4, 5, -0.5f;
  auto const rows = bytes_of<float>({1, 2, 3, 4, 5, -0.5f});
  auto const columns = bytes_of<float>({1, 4, 2, 5, 3, -0.5f});
  auto const good = header_of("<f4", "False", "(2, 3)");
  check_reads(npy(good, rows), m, "C order");
  check_reads(npy(good, rows, 2), m, "version 2");
  check_reads(npy(header_of("<f4", "True", "(2, 3)"), columns), m, "Fortran order");
  check_reads(npy(header_of("<f8", "False", "(2, 3)"), bytes_of<double>({1, 2, 3, 4, 5, -0.5})), m, "f8");
  check_reads(npy(header_of("<f2", "True", "(2, 3)"),
                  bytes_of<std::uint16_t>({0x3c00, 0x4400, 0x4000, 0x4500, 0x4200, 0xb800})),
              m, "f2, Fortran order");
  check_reads(npy(header_of("<f4", "False", "(6,)"), rows), m.reshaped<Eigen::RowMajor>().transpose(), "a vector");
  check_reads(npy("{'shape': (2, 3), 'descr': \"<f4\", 'fortran_order': False}", rows), m, "another order of keys");

  auto const whole = npy(good, rows);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    bytes const file(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    std::string error;
    check(!example::read_npy(file, error) && !error.empty(), "cut to " + std::to_string(length) + " bytes");
  }
  auto longer = whole;
  longer.push_back(std::byte{0});
  check_refused(longer, "but the file has 25 after the header", "a byte too many");
  auto version_3 = whole;
  version_3[6] = std::byte{3};
  check_refused(version_3, "its version is 3.0", "version 3");
  auto long_header = npy(good, rows, 2);
  for (std::size_t i = 8; i < 12; ++i) { long_header[i] = std::byte{255}; }
  check_refused(long_header, "ends in its header", "a header of 4 GB");

  auto const refused = [&](std::string const& header, std::string_view reason) {
    check_refused(npy(header, rows), reason, header);
  };
  refused(header_of(">f4", "False", "(2, 3)"), "its elements are >f4");
  refused(header_of("<i4", "False", "(2, 3)"), "its elements are <i4");
  refused(header_of("|O", "False", "(2, 3)"), "its elements are |O");
  refused(header_of("<f4", "False", "(1, 2, 3)"), "3 dimensions");
  refused(header_of("<f4", "False", "()"), "0 dimensions");
  refused(header_of("<f4", "False", "(3, 3)"), "but the file has 24");
  refused(header_of("<f4", "False", "(0, 3)"), "no elements");
  refused(header_of("<f4", "False", "(0, 9000000000000000000)"), "no elements");
  refused(header_of("<f4", "False", "(4294967296, 4294967296)"), "but the file has 24");
  refused(header_of("<f4", "False", "(4611686018427387904, 6)"), "but the file has 24");
  for (char const* const shape :
       {"(-2, -3)", "(2, 3", "2, 3)", "(2; 3)", "(99999999999999999999, 1)", "(,)", "(2 3)"}) {
    refused(header_of("<f4", "False", shape), "its header is not");
  }
  refused(header_of("<f4", "false", "(2, 3)"), "its header is not");
  refused(good + "x", "its header is not");
  refused("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", "its header is not");
  refused("{'descr': '<f4', 'fortran_order': False, }", "its header is not");
  refused("{'descr': '<f4', 'more': False, 'fortran_order': False, 'shape': (2, 3), }", "its header is not");
  refused("{'descr': '<f4", "its header is not");
  refused("", "its header is not");
}

// ---- frontier and picture ----

example::measurement at(std::string const& name, double nmse, double seconds) {
  example::measurement m;
  m.name = name;
  m.weights = 1e6;
  m.nmse = nmse;
  m.one = {seconds, seconds / 2, seconds / 3};
  m.many = {20 * seconds, seconds, 3 * seconds};
  return m;
}

void check_frontier() {
  auto const f =
      example::frontier({at("base", 0, 1e-9), at("a", 1e-3, 4e-6), at("b", 2e-3, 5e-6), at("c", 2e-3, 2e-6),
                         at("d", 5e-3, 2e-6), at("e", 9e-3, 1e-6), at("f", 9e-3, 1e-6)},
                        &example::measurement::one);
  check(f == std::vector<bool>{false, true, false, true, false, true, true}, "the frontier");
}

void check_picture() {
  // Names are as long as those of the program, some lie on one point.
  std::vector<example::measurement> all = {at("f32", 1e-13, 5e-5)};
  for (int i = 0; i < 14; ++i) {
    all.push_back(at("scheme_g32." + std::to_string(i), 1e-3 * (1 + i / 3), 1e-5 / (1 + i % 4)));
  }
  std::vector<example::box> labels;
  auto const svg = example::draw(all, "a <title> & more", 64, &labels);
  check(labels.size() == 28, "a label for each scheme and panel");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::size_t j = i + 1; j < labels.size(); ++j) {
      check(!labels[i].meets(labels[j]), "labels " + std::to_string(i) + " and " + std::to_string(j) + " meet");
    }
  }
  check(svg.find("nan") == std::string::npos && svg.find("inf") == std::string::npos, "a number that is none");
  check(svg.find("a &lt;title> &amp; more") != std::string::npos, "the title is escaped");
  check(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "it is a picture");
  check(example::draw({at("f32", 1e-13, 5e-5), at("one", 1e-3, 1e-5)}, "", 1).find("nan") == std::string::npos,
        "a single scheme");
}

}  // namespace

int main() {
  check_npy();
  check_frontier();
  check_picture();
  return example::conclude();
}
