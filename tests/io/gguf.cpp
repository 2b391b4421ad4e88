// SPDX-License-Identifier: MIT
#include "octavo/io/gguf.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <cstdint>
#include <string>

using namespace octavo::io;
using test::bytes_of;

namespace {

std::string text(std::string const& s) { return bytes_of(std::uint64_t{s.size()}, s); }
std::string header(std::uint64_t tensors, std::uint64_t entries, std::uint32_t version = 3) {
  return bytes_of("GGUF", version, tensors, entries);
}
template <class... Ts>
std::string entry(std::string const& key, std::uint32_t type, Ts const&... value) {
  return text(key) + bytes_of(type, value...);
}
struct tensor {
  std::string name;
  std::vector<std::uint64_t> extents;
  std::uint32_t type;
  std::uint64_t offset;
};
std::string table(tensor const& t) {
  auto result = text(t.name) + bytes_of(static_cast<std::uint32_t>(t.extents.size()));
  for (auto const e : t.extents) { result += bytes_of(e); }
  return result + bytes_of(t.type, t.offset);
}
/// Two tensors, padding, so many bytes of data.
std::string with_tensors(std::vector<tensor> const& tensors, std::size_t data) {
  auto file = header(tensors.size(), 0);
  for (auto const& t : tensors) { file += table(t); }
  file.resize((file.size() + 31) / 32 * 32);
  return file + std::string(data, 'd');
}

auto const& refusal = test::refusal<gguf>;

}  // namespace

TEST_CASE("GGUF: tensors lie where the table says, versions 2 and 3") {
  auto file = with_tensors({{"a", {2, 3}, 0, 0}, {"b", {4}, 1, 32}, {"none", {0, 5}, 0, 64}}, 40);
  for (char const version : {'\2', '\3'}) {
    file[4] = version;
    test::file_bytes const bytes(file);
    std::string error;
    auto const parsed = gguf::parse(bytes.span(), error);
    INFO(error);
    REQUIRE(parsed);
    REQUIRE(parsed->tensors().size() == 3);
    auto const* const a = parsed->find("a");
    REQUIRE(a != nullptr);
    CHECK(a->cols() == 2);
    CHECK(a->rows() == 3);
    CHECK(a->data.size() == 24);
    auto const* const b = parsed->find("b");
    CHECK(b->data.data() == a->data.data() + 32);
    CHECK(b->data.size() == 8);
    CHECK(parsed->find("none")->data.empty());
    CHECK(parsed->find("c") == nullptr);
  }
  CHECK(refusal(header(0, 0)) == "");
}

TEST_CASE("GGUF: general.alignment moves the data") {
  auto file = header(1, 1) + entry("general.alignment", 4, std::uint32_t{256}) + table({"a", {1}, 0, 256});
  file.resize(256 + 256 + 4);
  CHECK(refusal(file) == "");
  for (auto const bad : {0u, 3u, 48u}) {
    CHECK(refusal(header(0, 1) + entry("general.alignment", 4, bad)) ==
          "general.alignment must be a power of two, as a number");
  }
  CHECK(refusal(header(0, 1) + entry("general.alignment", 8, text("32"))) ==
        "general.alignment must be a power of two, as a number");
}

TEST_CASE("GGUF: headers that are none") {
  CHECK(refusal("") == "the file has 0 bytes, too few for a GGUF header");
  CHECK(refusal("GGUF") == "the file has 4 bytes, too few for a GGUF header");
  CHECK(refusal("ggml" + header(0, 0).substr(4)) == "the file starts with 'ggml', not with GGUF");
  CHECK(refusal(header(0, 0, 1)) == "GGUF version 1 is not supported, only 2 and 3 are");
  CHECK(refusal(header(0, 0, 0x03000000)) == "the file is big-endian; only little-endian GGUF is supported");
  CHECK(refusal(header(UINT64_MAX, 0)) ==
        "the header claims 18446744073709551615 tensors, the file has room for 0 at most");
  CHECK(refusal(header(0, 1000) + std::string(130, 'x')) ==
        "the header claims 1000 entries of metadata, the file has room for 10 at most");
}

TEST_CASE("GGUF: metadata that is cut, doubled, nested, unknown, or no text") {
  auto const cut = header(0, 2) + entry("a", 0, '\1') + text(std::string(4, 'k'));
  CHECK(refusal(cut) == "the file ends in entry of metadata 2 of 2");
  CHECK(refusal(header(0, 1) + bytes_of(std::uint64_t{1} << 60, "abcdefgh")) ==
        "the file ends in entry of metadata 1 of 1");
  CHECK(refusal(header(0, 1) + entry("abcdef", 10, std::uint32_t{1})) ==
        "the value of abcdef is cut: the file ends in it");
  CHECK(refusal(header(0, 1) + entry("a", 8, std::uint64_t{9}, "12345678")) ==
        "the value of a is cut: the file ends in it");
  CHECK(refusal(header(0, 2) + entry("a", 0, '\1') + entry("a", 0, '\1')) == "the key a is there twice");
  CHECK(refusal(header(0, 1) + entry("a", 13, '\1')) == "the value of a has the unknown type 13");
  CHECK(refusal(header(0, 1) + entry("a", 9, std::uint32_t{4000000000u}, std::uint64_t{0})) ==
        "the value of a has the unknown type 4000000000");
  CHECK(refusal(header(0, 1) + entry("a", 9, std::uint32_t{9}, std::uint64_t{1}, std::string(64, '\0'))) ==
        "the value of a is an array of arrays, which is not supported");
  CHECK(refusal(header(0, 1) + entry("a", 9, std::uint32_t{4}, UINT64_MAX, "1234")) ==
        "the value of a claims 18446744073709551615 elements, the file has room for 1 at most");
  CHECK(refusal(header(0, 1) + entry("a", 9, std::uint32_t{8}, std::uint64_t{2}, text(""))) ==
        "the value of a claims 2 elements, the file has room for 1 at most");
  CHECK(refusal(header(0, 1) + entry("a", 7, '\2')) == "the value of a is a bool that is neither 0 nor 1");
  CHECK(refusal(header(0, 1) + entry("a", 8, text("\xff"))) == "the value of a is not UTF-8");
  CHECK(refusal(header(0, 1) + entry("\xc3", 0, '\1')) == "the name of entry of metadata 1 of 1 is not UTF-8");
}

TEST_CASE("GGUF: tensors that overlap, repeat, overflow, or lie outside of the file") {
  CHECK(refusal(with_tensors({{"a", {4}, 0, 0}, {"b", {4}, 0, 0}}, 64)) == "a and b overlap");
  CHECK(refusal(with_tensors({{"late", {4}, 0, 32}, {"a", {9}, 0, 0}}, 64)) == "a and late overlap");
  CHECK(refusal(with_tensors({{"a", {4}, 0, 0}, {"a", {4}, 0, 32}}, 64)) == "a is there twice");
  CHECK(refusal(with_tensors({{"a", {4}, 0, 16}}, 64)) ==
        "a starts at byte 16 of the data, no multiple of the alignment 32");
  CHECK(refusal(with_tensors({{"a", {4, 4}, 0, 32}}, 64)) ==
        "a needs 64 bytes from byte 32 of the data, which has 64; the file is truncated, or its table is wrong");
  CHECK(refusal(with_tensors({{"a", {1}, 0, UINT64_MAX - 31}}, 64)) ==
        "a needs 4 bytes from byte 18446744073709551584 of the data, which has 64; the file is truncated, or its "
        "table is wrong");
  CHECK(refusal(with_tensors({{"a", {1u << 31, 1u << 31}, 0, 0}}, 64)) == "a has extents whose product overflows");
  CHECK(refusal(with_tensors({{"a", {0, UINT64_MAX}, 0, 0}}, 64)) == "a has extents whose product overflows");
  CHECK(refusal(with_tensors({{"a", {1, 1, 1, 1, 1}, 0, 0}}, 64)) == "a has 5 dimensions, but 4 are the most");
  CHECK(refusal(with_tensors({{"a", {33}, 2, 0}}, 64)) ==
        "a has 33 columns, no multiple of the 32 in a block of Q4_0");
  CHECK(refusal(with_tensors({{"a", {32}, 99, 0}}, 64)) == "a has the unknown type 99");
  CHECK(refusal(with_tensors({{"\xff", {32}, 0, 0}}, 128)) == "the name of tensor 1 of 1 is not UTF-8");
  CHECK(refusal(header(2, 0) + table({"a", {4}, 0, 0}) + std::string(20, '\0')) == "the file ends in tensor 2 of 2");
}

TEST_CASE("GGUF: cut anywhere, a file is refused with a reason") {
  auto const file = test::golden_file("types.gguf");
  test::parsed<gguf> const whole(file);
  REQUIRE(whole.file);
  // Behind the last tensor there is only padding, which nobody needs.
  auto const last = whole.file->find("iq2_xxs")->data;
  auto const end = static_cast<std::size_t>(last.data() + last.size() - whole.bytes.span().data());
  for (std::size_t length = 0; length < end; length += length < 2000 || length + 97 >= end ? 1 : 97) {
    auto const why = refusal(file.substr(0, length));
    CHECK(why != "");
    CHECK(why != "refused without a reason");
  }
}
