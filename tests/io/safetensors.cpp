// SPDX-License-Identifier: MIT
#include "octavo/io/safetensors.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <cstdint>
#include <string>

using namespace octavo::io;

namespace {

/// A header and so many bytes of data; `claimed` is the length that the file gives for the header.
std::string file_of(std::string const& header, std::size_t data, std::uint64_t claimed) {
  return test::bytes_of(claimed, header, std::string(data, 'd'));
}
std::string file_of(std::string const& header, std::size_t data = 0) { return file_of(header, data, header.size()); }

std::string entry(std::string const& dtype, std::string const& shape, std::string const& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}
std::string one(std::string const& dtype, std::string const& shape, std::string const& offsets) {
  return file_of(R"({"a":)" + entry(dtype, shape, offsets) + "}", 5);
}
std::string two(std::string const& a, std::string const& b, std::size_t data) {
  return file_of(R"({"a":)" + entry("BF16", "[2]", a) + R"(,"b":)" + entry("BF16", "[2]", b) + "}", data);
}

auto const& refusal = test::refusal<safetensors>;

std::string const incomplete = "the header entry of a needs a dtype, a shape and two data_offsets, once each";
std::string const misfit = "the header entry of a has a shape that does not fit its bytes";

}  // namespace

TEST_CASE("safetensors: tensors as the package safetensors wrote them") {
  test::file_bytes const bytes(test::golden_file("compressed.safetensors"));
  std::string error;
  auto const file = safetensors::parse(bytes.span(), error);
  INFO(error);
  REQUIRE(file);
  CHECK(file->tensors().size() == 15);
  auto const* const t = file->find("w4.weight_packed");
  REQUIRE(t != nullptr);
  CHECK(shown(*t) == "I32 10 x 8");
  CHECK(t->data.size() == 320);
  auto const m = file->matrix<float>("w8_tensor.expected", 5, 40, error);
  REQUIRE(m);
  float const steps = (*m)(4, 39) * 4.0f;
  CHECK(steps == static_cast<float>(static_cast<int>(steps)));  // an int8 times 0.25
  CHECK(file->find("w9") == nullptr);
}

TEST_CASE("safetensors: matrices of another shape, type or address are refused") {
  auto text = file_of(R"({"__metadata__":{"k":"v"},"a":)" + entry("F32", "[2,3]", "[0,24]") + "}", 24);
  test::file_bytes const bytes(text);
  std::string error;
  auto const file = safetensors::parse(bytes.span(), error);
  INFO(error);
  REQUIRE(file);
  CHECK(file->metadata("k") == "v");
  CHECK_FALSE(file->metadata("l"));
  CHECK_FALSE(file->matrix<float>("b", 2, 3, error));
  CHECK(error == "there is no tensor b");
  CHECK_FALSE(file->matrix<float>("a", 3, 2, error));
  CHECK(error == "a should have the shape 3 x 2, but is F32 2 x 3");
  CHECK_FALSE(file->matrix<octavo::bf16>("a", 2, 3, error));
  CHECK(error == "a should be BF16, at an address that is a multiple of 2, but is F32 2 x 3");
  // The header has 82 bytes or so: whether its data is aligned is known.
  bool const aligned = reinterpret_cast<std::uintptr_t>(file->find("a")->data.data()) % 4 == 0;
  CHECK(file->matrix<float>("a", 2, 3, error).has_value() == aligned);
}

TEST_CASE("safetensors: headers that are cut, or no JSON object") {
  CHECK(refusal("short") == "the file has 5 bytes, too few for a safetensors header");
  CHECK(refusal(file_of("{}", 0, 3)) ==
        "the header claims 3 bytes, the file has 2 after its length; it is truncated, or no safetensors file");
  CHECK(refusal(file_of("{}", 0, UINT64_MAX - 7)) ==
        "the header claims 18446744073709551608 bytes, the file has 2 after its length; it is truncated, or no "
        "safetensors file");
  CHECK(refusal(file_of("{}")) == "");
  CHECK(refusal(file_of("")) == "the header is not a JSON object: it ends or breaks at byte 1");
  CHECK(refusal(file_of("{")) == "the header is not a JSON object: it ends or breaks at byte 2");
  CHECK(refusal(file_of("{} {}")) == "the header is not a JSON object: it ends or breaks at byte 4");
  CHECK(refusal(file_of("{\"\xff\": 1}")) == "the header is not a JSON object: it ends or breaks at byte 3");
  for (auto const* const json : {"[]", "null", "1", "-1", "1.5", "true", "\"a\""}) {
    INFO(json);
    CHECK(refusal(file_of(json)) == "the header is not a JSON object");
  }
}

TEST_CASE("safetensors: whatever does not belong there ends the reading, however deep") {
  CHECK(refusal(file_of(std::string(100000, '['))) == "the header is not a JSON object");
  for (std::string const value :
       {"1", "null", "\"x\"", "[]", "{}", R"({"dtype":"F32"})", R"({"dtype":"F32","shape":[1]})", R"({"dtype":1})",
        R"({"dtype":["F32"]})", R"({"dtype":"F32","dtype":"F32"})", R"({"shape":[1],"shape":[1]})",
        R"({"shape":[[1]]})", R"({"shape":[{}]})", R"({"more":1})", R"({"more":{}})"}) {
    INFO(value);
    CHECK(refusal(file_of("{\"a\":" + value + "}")) == incomplete);
  }
  CHECK(refusal(file_of("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}")) == incomplete);
  CHECK(refusal(file_of(R"({"a":)" + entry("F32", "[0]", "[0,0]") + R"(,"a":)" + entry("F32", "[0]", "[0,0]") +
                        "}")) == "a is there twice");
  CHECK(refusal(file_of(R"({"__metadata__":{},"__metadata__":{}})")) == "__metadata__ is there twice");
  CHECK(refusal(file_of(R"({"__metadata__":{"k":"1","k":"2"}})")) == "__metadata__ has k twice");
  for (auto const* const value : {"1", "[]", "{\"k\":1}", "{\"k\":{}}", "{\"k\":[]}"}) {
    INFO(value);
    CHECK(refusal(file_of(std::string("{\"__metadata__\":") + value + "}")) ==
          "__metadata__ is not a JSON object of texts");
  }
}

TEST_CASE("safetensors: shapes and offsets that contradict each other or the file") {
  CHECK(refusal(one("BF16", "[2]", "[0,5]")) == misfit);
  CHECK(refusal(one("BF16", "[9223372036854775808,2]", "[0,4]")) == misfit);
  CHECK(refusal(one("BF16", "[4294967296,4294967296,2]", "[0,4]")) == misfit);
  CHECK(refusal(one("BF16", "[0,18446744073709551615]", "[0,0]")) == misfit);
  CHECK(refusal(one("BF17", "[2]", "[0,4]")) == "the header entry of a has the unknown dtype BF17");
  CHECK(refusal(one("BF16", "[2]", "[4,0]")) ==
        "the header entry of a has offsets 4 to 0, but the data has 5 bytes; the file is truncated, or the header is "
        "wrong");
  CHECK(refusal(one("BF16", "[4]", "[0,8]")).find("has offsets 0 to 8") != std::string::npos);
  CHECK(refusal(one("BF16", "[2]", "[18446744073709551612,18446744073709551615]")).find("has offsets") !=
        std::string::npos);
  for (auto const* const offsets : {"[-4,0]", "[0.0,4.0]", "[0]", "[0,4,4]", "{}", "4", "[]", "[\"0\",\"4\"]"}) {
    INFO(offsets);
    CHECK(refusal(one("BF16", "[2]", offsets)) == incomplete);
  }
  CHECK(refusal(one("BF16", "2", "[0,4]")) == incomplete);
  CHECK(refusal(one("BF16", "[-2]", "[0,4]")) == incomplete);
}

TEST_CASE("safetensors: tensors cover the data, once") {
  CHECK(refusal(two("[0,4]", "[4,8]", 8)) == "");
  CHECK(refusal(two("[0,4]", "[2,6]", 6)) == "tensors overlap at byte 2 of the data");
  CHECK(refusal(two("[0,4]", "[0,4]", 4)) == "tensors overlap at byte 0 of the data");
  CHECK(refusal(two("[0,4]", "[6,10]", 10)) == "tensors leave a gap at byte 4 of the data");
  CHECK(refusal(two("[0,4]", "[4,8]", 9)) == "the data has 9 bytes, the tensors 8");
}
