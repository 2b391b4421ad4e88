// SPDX-License-Identifier: MIT
#include "octavo/io/packed.hpp"

#include "octavo/io/mapped_file.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/ops/matmul_additive.hpp"
#include "octavo/ops/matmul_fixed.hpp"
#include "octavo/ops/matmul_outliers.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/ops/quantize_outliers.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/additive.hpp"
#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/matrix.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;
using namespace octavo::io;

namespace {

std::string text_of(std::vector<std::byte> const& bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}
auto const& refusal = test::refusal<packed_file>;
/// A file that must be sound, with its bytes.
struct opened : test::parsed<packed_file> {
  explicit opened(std::string_view text) : parsed(text) {
    INFO(error);
    REQUIRE(file);
  }
  [[nodiscard]] packed_file const* operator->() const { return &*file; }
};
/// The file with the bytes at `at` replaced.
template <class T>
std::string changed(std::string file, std::size_t at, T const& value) {
  auto const bytes = test::bytes_of(value);
  return file.replace(at, bytes.size(), bytes);
}

using w4z = scheme<affine<uint4, scale_as<bf16>>, per_group<32>>;

/// Tokens of integers as make_golden.py has them.
test::matrix<float> golden_tokens(octavo::index features) {
  test::matrix<float> x(features, 2);
  for (octavo::index t = 0; t < 2; ++t) {
    for (octavo::index k = 0; k < features; ++k) {
      x(k, t) = k == 0 ? 127.0f : static_cast<float>((37 * k + 11 * t) % 255 - 127);
    }
  }
  return x;
}
/// Where `name` has its bytes in a file.
std::size_t place_of(std::string const& text, std::string_view name) {
  opened const file(text);
  std::string error;
  return static_cast<std::size_t>(file->matrices().at(name).bytes.data() - file.bytes.span().data());
}

}  // namespace

TEST_CASE("weights.octavo, which NumPy wrote, has the matrices that it says, and is written again byte for byte") {
  auto const text = test::golden_file("weights.octavo");
  opened const file(text);
  std::string error;
  auto const a = file->view<w8>("w8", error);
  auto const b = file->view<w4_g32>("w4", error);
  auto const c = file->view<w4z>("w4z", error);
  INFO(error);
  REQUIRE((a && b && c));
  CHECK(a->rows() == 5);
  CHECK(b->cols() == 64);
  packed_writer writer;
  writer.add("w8", *a);
  writer.add("w4", *b);
  writer.add("w4z", *c);
  CHECK(text_of(writer.bytes()) == text);
}

TEST_CASE("weights.octavo multiplies to the bits that NumPy computed, on every instruction set of every machine") {
  opened const file(test::golden_file("weights.octavo"));
  test::file_bytes const golden(test::golden_file("products.f32"));
  std::string error;
  REQUIRE(golden.span().size() == sizeof(float) * 2 * (5 + 10));
  auto const* wanted = reinterpret_cast<float const*>(golden.span().data());
  auto const check = [&]<class S>(S*, char const* name) {
    auto const w = file->view<S>(name, error);
    INFO(name << ": " << error);
    REQUIRE(w);
    auto const x = golden_tokens(w->cols());
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      test::matrix<float> y(w->rows(), 2);
      matmul<a8>(*w, x, y, on<A>());
      int wrong = 0;
      for (octavo::index t = 0; t < 2; ++t) {
        for (octavo::index r = 0; r < w->rows(); ++r) {
          wrong += test::same_bits(y(r, t), wanted[t * w->rows() + r]) ? 0 : 1;
        }
      }
      INFO(arch_name<A>);
      CHECK(wrong == 0);
    });
    wanted += 2 * w->rows();
  };
  check(static_cast<w8*>(nullptr), "w8");
  check(static_cast<w4_g32*>(nullptr), "w4");
}

TEST_CASE("matrices that were packed, saved and mapped multiply to the same bits on every instruction set") {
  test::matrix<float> const weights(70, 96, 1);
  test::matrix<float> const x(96, 3, 2);
  auto const w = quantize<w4_g32>(weights, on<scalar>());
  test::matrix<float> expected(70, 3);
  matmul<a8>(w, x, expected, on<scalar>());

  std::string const path = "packed_test.octavo";
  packed_writer writer;
  writer.add("layers.0.q", w);
  writer.add("none", quantized_matrix<w8>(0, 7));
  std::string error;
  INFO(error);
  REQUIRE(writer.write(path, error));
  auto const mapping = mapped_file::open(path, error);
  REQUIRE(mapping);
  auto const file = packed_file::parse(mapping->bytes(), error);
  REQUIRE(file);
  CHECK(file->matrices().size() == 2);
  auto const view = file->view<w4_g32>("layers.0.q", error);
  REQUIRE(view);
  CHECK(view->data() > mapping->bytes().data());  // where it is mapped: nothing was copied
  CHECK(file->view<w8>("none", error)->cols() == 7);
  test::for_archs([&](auto arch) {
    test::matrix<float> y(70, 3);
    matmul<a8>(*view, x, y, on<typename decltype(arch)::type>());
    CHECK(test::differences(y, expected) == 0);
  });
  std::remove(path.c_str());
}

TEST_CASE("floats beside the matrices come back as they were, in place, and are not taken for matrices") {
  std::vector<float> const factors = {1, -2, 0.5f};
  std::vector<float> const term = {1, 2, 3, 4, 5, 6};
  quantized_matrix<w8> const w(5, 3);
  packed_writer writer;
  writer.add("factors", factors, 3);
  writer.add("w", w);
  writer.add("term", term, 2, 3);
  writer.add("none", std::span<float const>(), 0, 7);
  opened const file(text_of(writer.bytes()));
  std::string error;
  auto const f = file->floats("factors", error);
  auto const t = file->floats("term", error);
  REQUIRE((f && t));
  CHECK(f->features() == 3);
  CHECK(f->tokens() == 1);
  CHECK(std::vector<float>(f->data(), f->data() + 3) == factors);
  CHECK(t->token(2)[1] == 6.0f);
  CHECK(file->floats("none", error)->tokens() == 7);
  CHECK_FALSE(file->floats("w", error));
  CHECK(error == "w is 'int8 x f32, per_row', but 'f32' was asked for");
  CHECK_FALSE(file->view<w8>("term", error));
  CHECK_FALSE(file->floats("bias", error));
  CHECK(error == "there is no matrix bias");
  CHECK_THROWS_AS(writer.add("short", factors, 2), std::invalid_argument);

  auto const text = text_of(writer.bytes());
  auto const refused = [&](std::int64_t rows, std::int64_t cols) {
    test::file_bytes const other(changed(changed(text, 40, rows), 48, cols));
    auto const claims = packed_file::parse(other.span(), error);
    return claims && !claims->floats("factors", error);
  };
  CHECK_FALSE(refused(1, 3));
  CHECK(refused(4, 1));
  CHECK(error == "factors has 12 bytes, but 4 x 1 of its scheme need 16");
  CHECK(refused(INT64_MAX, INT64_MAX));
  CHECK(refused(INT64_MAX, 1));
  CHECK(refused(0, INT64_MAX));
}

TEST_CASE("scales of two levels come back in place, and older files of float scales are not taken for them") {
  test::matrix<float> const weights(70, 300, 3);
  using float_scales = scheme<affine_min<uint4>, per_group<32>>;
  auto const w = quantize<q4_k>(weights, on<scalar>());
  packed_writer writer;
  writer.add("w", w);
  auto const older = quantize<float_scales>(weights, on<scalar>());
  writer.add("older", older);
  opened const file(text_of(writer.bytes()));
  std::string error;
  auto const view = file->view<q4_k>("w", error);
  REQUIRE(view);
  CHECK(test::differences(*view, w.view()) == 0);
  CHECK(file->view<float_scales>("older", error));
  CHECK_FALSE(file->view<q4_k>("older", error));
  CHECK(error ==
        "older is 'uint4 x f32 + minimum, per_group<32>', but 'uint4 x (uint6 x f16, per_group<8>) + minimum, "
        "per_group<32>' was asked for");
  opened const claims(changed(text_of(writer.bytes()), 48, std::int64_t{310}));  // the columns of w
  CHECK_FALSE(claims->view<q4_k>("w", error));
}

TEST_CASE(
    "outliers, fixed point and additive codebooks that NumPy wrote multiply to its bits, and are written again") {
  auto const text = test::golden_file("storages.octavo");
  opened const file(text);
  std::string error;
  auto const outliers = file->outliers<w4_g32>("outliers", error);
  auto const fixed = file->fixed("fixed", error);
  auto const additive = file->additive<2, 4>("additive", error);
  INFO(error);
  REQUIRE((outliers && fixed && additive));
  CHECK(fixed->type().word_length == 12);
  CHECK(fixed->type().fraction_length == 10);
  CHECK(fixed->data() > file.bytes.span().data());  // in place: nothing was copied
  packed_writer writer;
  auto const check = [&](char const* name, auto const& w, auto const& multiply) {
    std::string products = name;
    products += ".products";
    auto const expected = file->floats(products, error);
    REQUIRE(expected);
    writer.add(name, w);
    writer.add(products, {expected->data(), static_cast<std::size_t>(2 * w.rows())}, w.rows(), 2);
    auto const x = golden_tokens(w.cols());
    test::for_archs([&](auto arch) {
      test::matrix<float> y(w.rows(), 2);
      multiply(w, x, y, on<typename decltype(arch)::type>());
      int wrong = 0;
      for (octavo::index i = 0; i < 2 * w.rows(); ++i) {
        wrong += test::same_bits(y(i % w.rows(), i / w.rows()), expected->data()[i]) ? 0 : 1;
      }
      INFO(name << ", " << arch_name<typename decltype(arch)::type>);
      CHECK(wrong == 0);
    });
  };
  check("outliers", *outliers, [](auto const& w, auto const& x, auto& y, auto on) { matmul<a8>(w, x, y, on); });
  check("fixed", *fixed, [](auto const& w, auto const& x, auto& y, auto on) {
    matmul(w, in_fixed(x, {8, 0}), y, on);
  });
  check("additive", *additive, [](auto const& w, auto const& x, auto& y, auto on) { matmul(w, x, y, on); });
  CHECK(text_of(writer.bytes()) == text);
}

TEST_CASE("matrices of every storage that were saved and mapped multiply to the same bits") {
  test::matrix<float> const weights(70, 96, 1);
  test::matrix<float> const x(96, 5, 2);
  auto const outliers = quantize_with_outliers<w4_g32>(weights, 0.03, on<scalar>());
  auto const by_columns = quantize_with_outliers<scheme<symmetric<int8>, per_column>>(weights, 0.03, on<scalar>());
  fixed_matrix const fixed(weights, {13, 11});
  auto const books = test::random_additive<2, 8>(70, 96, 3);
  auto const wide = test::random_additive<1, 9, 16, float>(70, 96, 4);
  std::vector<float> const floats(3);
  additive_matrix<2, 8> const nothing(0, 8, {}, std::vector<f16>(2 * 256 * 8), {});
  outlier_matrix<w8> const no_outliers(quantized_matrix<w8>(0, 7), sparse_matrix(0, 7, nullptr, 0));
  packed_writer writer;
  writer.add("floats", floats, 3);  // what follows needs zeros before it
  writer.add("outliers", outliers);
  writer.add("fixed", fixed);
  writer.add("by columns", by_columns);
  writer.add("books", books);
  writer.add("wide", wide);
  writer.add("nothing", nothing);
  writer.add("no outliers", no_outliers);
  writer.add("never made", outlier_matrix<w8>());
  std::string const path = "packed_storages_test.octavo";
  std::string error;
  INFO(error);
  REQUIRE(writer.write(path, error));
  auto const mapping = mapped_file::open(path, error);
  REQUIRE(mapping);
  auto const file = packed_file::parse(mapping->bytes(), error);
  REQUIRE(file);
  auto const check = [&](auto const& owned, auto const& read, auto const& multiply) {
    INFO(error);
    REQUIRE(read);
    test::for_archs([&](auto arch) {
      test::matrix<float> expected(70, 5);
      multiply(owned, expected, on<scalar>());
      test::matrix<float> y(70, 5);
      multiply(*read, y, on<typename decltype(arch)::type>());
      CHECK(test::differences(y, expected) == 0);
    });
  };
  auto const as_int8 = [&](auto const& w, auto& y, auto on) { matmul<a8>(w, x, y, on); };
  auto const as_it_is = [&](auto const& w, auto& y, auto on) { matmul(w, x, y, on); };
  check(outliers, file->outliers<w4_g32>("outliers", error), as_int8);
  check(outliers, file->outliers<w4_g32>("outliers", error), as_it_is);
  check(by_columns, file->outliers<scheme<symmetric<int8>, per_column>>("by columns", error), as_int8);
  check(fixed, file->fixed("fixed", error), [&](auto const& w, auto& y, auto on) {
    matmul(w, in_fixed(x, {16, 10}), y, on);
  });
  check(books, file->additive<2, 8>("books", error), as_it_is);
  check(wide, (file->additive<1, 9, 16, float>("wide", error)), as_it_is);
  CHECK(file->additive<2, 8>("nothing", error)->rows() == 0);
  auto const none = file->outliers<w8>("no outliers", error);
  INFO(error);
  REQUIRE(none);
  CHECK(none->cols() == 7);
  auto const never_made = file->outliers<w8>("never made", error);
  INFO(error);
  REQUIRE(never_made);
  CHECK(never_made->rows() == 0);
  std::remove(path.c_str());
}

TEST_CASE("an additive matrix without codebooks is not saved") {
  packed_writer writer;
  CHECK(test::error_of([&] { writer.add("never made", additive_matrix<2, 8>()); }) ==
        "packed_writer: an additive matrix has no codebooks. It was never made, or moved from.");
}

TEST_CASE("a matrix of one storage is not taken for one of another") {
  opened const file(test::golden_file("storages.octavo"));
  std::string error;
  CHECK_FALSE(file->view<w4_g32>("outliers", error));
  CHECK(error ==
        "outliers is 'int4 x f16, per_group<32> + f16 outliers', but 'int4 x f16, per_group<32>' was asked for");
  CHECK_FALSE(file->outliers<w8>("outliers", error));
  CHECK(
      error ==
      "outliers is 'int4 x f16, per_group<32> + f16 outliers', but 'int8 x f32, per_row + f16 outliers' was asked for");
  CHECK_FALSE(file->outliers<w4_g32>("outlier", error));
  CHECK(error == "there is no matrix outlier");
  CHECK_FALSE(file->fixed("additive", error));
  CHECK(error == "additive is 'additive 2x4, groups of 8, f16', but fixed point of 2 to 16 bits was asked for");
  CHECK_FALSE(file->fixed("fixes", error));
  CHECK(error == "there is no matrix fixes");
  CHECK_FALSE(file->additive<2, 8>("additive", error));
  CHECK(error == "additive is 'additive 2x4, groups of 8, f16', but 'additive 2x8, groups of 8, f16' was asked for");
  CHECK_FALSE((file->additive<2, 4, 8, float>("additive", error)));
  CHECK_FALSE(file->floats("fixed", error));
}

TEST_CASE("types of fixed point that have no kernel, or are not written so") {
  auto const text = test::golden_file("storages.octavo");
  auto const at = text.find("fixed_point<12, 10>");
  std::string error;
  auto const type_of = [&](std::string_view type) {
    auto other = text;
    opened const file(other.replace(at, 19, type));
    auto const w = file->fixed("fixed", error);
    return w ? std::pair(w->type().word_length, w->type().fraction_length) : std::pair(0, 0);
  };
  CHECK(type_of("fixed_point<16, -1>") == std::pair(16, -1));
  CHECK(type_of("fixed_point<2, -60>") == std::pair(2, -60));
  for (char const* const none :
       {"fixed_point<17, 10>", "fixed_point<1, 100>", "fixed_point<-9, 10>", "fixed_point<12, 61>",
        "fixed_point<12 , 1>", "fixed_point<12, +1>", "fixed_point<12, 010", "fixed_point<1234567",
        "fixed_point<12,   >", "fixed_point<12, -0>", "fixed_point<9, 61> ", "fixed_point of bits"}) {
    CHECK(type_of(none) == std::pair(0, 0));
    CHECK(error == "fixed is '" + std::string(none) + "', but fixed point of 2 to 16 bits was asked for");
  }
}

TEST_CASE("bytes of outliers, words and codebooks that do not fit their extents, or are not what they must be") {
  auto const text = test::golden_file("storages.octavo");
  std::string error;
  auto const refused = [&](std::string const& changed_text, auto const& read) {
    error.clear();
    test::file_bytes const bytes(changed_text);
    auto const file = packed_file::parse(bytes.span(), error);
    return file && !read(*file);
  };
  auto const outliers = [&](packed_file const& f) { return f.outliers<w4_g32>("outliers", error).has_value(); };
  auto const fixed = [&](packed_file const& f) { return f.fixed("fixed", error).has_value(); };
  auto const additive = [&](packed_file const& f) { return f.additive<2, 4>("additive", error).has_value(); };
  auto const with_extents = [&](char const* name, std::int64_t rows, std::int64_t cols) {
    return changed(changed(text, text.find(name) - 40, rows), text.find(name) - 32, cols);
  };
  CHECK_FALSE(refused(text, outliers));
  CHECK_FALSE(refused(text, fixed));
  CHECK_FALSE(refused(text, additive));
  // All extents that bytes do not fit; INT64_MAX in either place, or in both.
  std::int64_t const huge[] = {INT64_MAX, INT64_MAX - 63, std::int64_t{1} << 40, std::int64_t{1} << 32, 65537};
  for (std::int64_t const n : huge) {
    CHECK(refused(with_extents("outliers", n, 64), outliers));
    CHECK(refused(with_extents("outliers", 20, n), outliers));
    CHECK(refused(with_extents("outliers", n, 0), outliers));
    CHECK(refused(with_extents("outliers", 0, n), outliers));
    CHECK(refused(with_extents("outliers", n, n), outliers));
    CHECK(refused(with_extents("fixed", n, 7), fixed));
    CHECK(refused(with_extents("fixed", 5, n), fixed));
    CHECK(refused(with_extents("fixed", n, n), fixed));
    CHECK(refused(with_extents("fixed", n, 0), fixed));
    CHECK(refused(with_extents("additive", n, 24), additive));
    CHECK(refused(with_extents("additive", 3, n / 8 * 8), additive));
    CHECK(refused(with_extents("additive", n, 0), additive));
    CHECK(refused(with_extents("additive", n, n / 8 * 8), additive));
  }
  CHECK(refused(with_extents("outliers", 65, 64), outliers));
  CHECK(error == "outliers has 2880 bytes, but 65 x 64 of its scheme need 4672");
  CHECK(refused(with_extents("fixed", 65, 7), fixed));
  CHECK(error == "fixed has 1024 bytes, but 65 x 7 of its scheme need 2048");
  CHECK(refused(with_extents("additive", 3, 88), additive));
  CHECK(error == "additive has 588 bytes, but 3 x 88 of its scheme need 652");
  CHECK(refused(with_extents("additive", 3, 20), additive));
  CHECK(error == "additive has 20 columns, no multiple of 8");
  CHECK_FALSE(refused(with_extents("outliers", 17, 64), outliers));

  auto const sparse = place_of(text, "outliers") + 2304;
  CHECK(refused(changed(text, sparse + 8, std::int64_t{100}), outliers));
  CHECK(error == "outliers: starts of a sparse matrix do not ascend from 0 to the number of its entries");
  CHECK(refused(changed(text, sparse + 64, std::uint16_t{64}), outliers));
  CHECK(error == "outliers: a sparse matrix has a number in a column outside of it");
}

TEST_CASE("a matrix is found by its name and its scheme, or refused") {
  opened const file(test::golden_file("weights.octavo"));
  std::string error;
  CHECK_FALSE(file->view<w8>("w9", error));
  CHECK(error == "there is no matrix w9");
  CHECK_FALSE(file->view<w4_g32>("w8", error));
  CHECK(error == "w8 is 'int8 x f32, per_row', but 'int4 x f16, per_group<32>' was asked for");
  CHECK_FALSE(file->view<w4_affine_g<32>>("w4z", error));
  CHECK(error ==
        "w4z is '(uint4 - zero) x bf16, per_group<32>', but '(uint4 - zero) x f16, per_group<32>' was asked for");
}

TEST_CASE("extents that need other bytes than there are") {
  auto const text = test::golden_file("weights.octavo");
  std::string error;
  auto const view = [&](std::int64_t rows, std::int64_t cols) {
    test::file_bytes const bytes(changed(changed(text, 40, rows), 48, cols));
    auto const file = packed_file::parse(bytes.span(), error);
    return file && file->view<w8>("w8", error);
  };
  CHECK(view(5, 40));
  CHECK_FALSE(view(65, 40));
  CHECK(error.substr(0, 40) == "w8 has 2816 bytes, but 65 x 40 of its sc");
  CHECK_FALSE(view(INT64_MAX, INT64_MAX));
  CHECK_FALSE(view(0, INT64_MAX));
  CHECK_FALSE(view(INT64_MAX, 0));
}

TEST_CASE("files of another kind, layout, alignment or byte order are refused, and those that are cut or changed") {
  auto const good = test::golden_file("weights.octavo");
  CHECK(refusal(good) == "");
  CHECK(refusal("octavo") == "the file has 6 bytes, too few for packed matrices");
  CHECK(refusal(changed(good, 0, 'O')) == "the file does not start as packed matrices do");
  CHECK(refusal(changed(good, 8, std::uint32_t{0x04030201})) ==
        "the file was written with another byte order; pack the matrices again on this machine");
  CHECK(refusal(changed(good, 12, std::uint32_t{2})) ==
        "the file has layout panel64_v2, this version reads panel64_v1; pack the matrices again");
  CHECK(refusal(changed(good, 16, std::uint32_t{32})) == "the file is aligned to 32 bytes, but must be to 64");
  CHECK(refusal(good.substr(0, good.size() - 1)) ==
        "the file says that it has 7808 bytes, but has 7807; it is truncated, or was changed");
  CHECK(refusal(changed(good, 24, UINT64_MAX)) ==
        "the table claims 18446744073709551615 bytes, the file has 7768 after its header");
  CHECK(refusal(changed(good, 20, std::uint32_t{UINT32_MAX})) == "the table ends in matrix 4 of 4294967295");
  CHECK(refusal(changed(good, 20, std::uint32_t{2})).substr(0, 14) == "the table has ");
  CHECK(refusal(changed(good, 40, std::int64_t{-1})) == "w8 has negative extents");
  CHECK(refusal(changed(good, 56, std::uint64_t{321})) == "w8 starts at byte 321, no multiple of 64");
  CHECK(refusal(changed(good, 56, std::uint64_t{0})) == "w8 overlaps what stands before it in the file");
  CHECK(refusal(changed(good, 64, UINT64_MAX)).substr(0, 45) == "w8 needs 18446744073709551615 bytes from byte");
  CHECK(refusal(changed(good, 80, '\xff')) == "the name of matrix 1 is not UTF-8");
  auto twice = good;
  auto const second = good.find("w4int4");
  REQUIRE(second != std::string::npos);
  CHECK(refusal(twice.replace(second, 2, "w8")) == "w8 is there twice");
}

TEST_CASE("memory that is not aligned is refused, before a kernel reads it") {
  test::file_bytes const shifted("x" + test::golden_file("weights.octavo"));
  std::string error;
  CHECK_FALSE(packed_file::parse(shifted.span().subspan(1), error));
  CHECK(error == "the memory is not aligned to 64 bytes; map the file, or align its copy");
}

TEST_CASE("the writer refuses names that come twice, and says what the system says") {
  packed_writer writer;
  writer.add("a", quantized_matrix<w8>(0, 0));
  std::string error;
  CHECK_FALSE(writer.write("/no such folder/file", error));
  CHECK(error == "/no such folder/file cannot be written: No such file or directory");
  writer.add("a", quantized_matrix<w8>(0, 0));
  CHECK_FALSE(writer.write("packed_test.octavo", error));
  CHECK(error == "a is there twice");
}
