#include "weights/guess.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace cameo::weights {

namespace {

struct Signature {
  std::string_view start;
  std::string_view meaning;
};

using namespace std::string_view_literals;

constexpr std::string_view kHtml =
    "this is a web page, not a weight file: the download was answered by an error or sign-in page; fetch it "
    "again";

constexpr std::string_view kGgml =
    "this is a GGML file, older than GGUF, which is not supported; get the model as GGUF or safetensors";

constexpr auto kSignatures = std::to_array<Signature>({
    {"version https://git-lfs", "this is a Git LFS pointer, not the file itself: run `git lfs pull`"},
    {"<!DOCTYPE"sv, kHtml},
    {"<!doctype"sv, kHtml},
    {"<html"sv, kHtml},
    {"<HTML"sv, kHtml},
    {"<?xml"sv, "this is an XML document, not a weight file"},
    {"\x89PNG"sv, "this is a PNG picture, not a weight file"},
    {"\xff\xd8\xff"sv, "this is a JPEG picture, not a weight file"},
    {"RIFF"sv, "this is a WebP picture or a RIFF file, not a weight file"},
    {"GIF8"sv, "this is a GIF picture, not a weight file"},
    {"%PDF"sv, "this is a PDF document, not a weight file"},
    {"lmgg"sv, kGgml},
    {"fmgg"sv, kGgml},
    {"tjgg"sv, kGgml},
    {"\x89HDF"sv, "this is an HDF5 file (Keras), which is not supported; get the model as safetensors"},
    {"\x93NUMPY"sv, "this is a NumPy array, not a weight file"},
    {"\x1f\x8b"sv, "this file is compressed with gzip: unpack it"},
    {"\x28\xb5\x2f\xfd"sv, "this file is compressed with zstd: unpack it"},
    {"7z\xbc\xaf\x27\x1c"sv, "this is a 7z archive: unpack it"},
    {"Rar!"sv, "this is a RAR archive: unpack it"},
    {"\x7f"
     "ELF"sv,
     "this is a program or library, not a weight file"},
    {"#!"sv, "this is a script, not a weight file"},
});

constexpr size_t kTarMagic = 257;
constexpr size_t kTfliteMagic = 4;
constexpr size_t kSample = 4096;

bool isTar(std::string_view text) {
  return text.size() > kTarMagic && text.substr(kTarMagic).starts_with("ustar");
}

// ONNX has no signature, but starts with its version (field 1, a small number) and its producer (field 2).
bool isOnnx(std::string_view text) {
  return text.size() > 3 && text[0] == 0x08 && static_cast<uint8_t>(text[1]) < 32 && text[2] == 0x12;
}

}  // namespace

std::string guessContent(const MappedFile& file) {
  const std::string_view text = file.text();
  const std::string_view sample = text.substr(0, kSample);
  for (const auto& [start, meaning] : kSignatures) {
    if (sample.starts_with(start)) return std::string(meaning);
  }
  if (isTar(sample)) return "this is a tar archive: unpack it";
  if (isOnnx(sample))
    return "this looks like an ONNX file, which is not supported; get the model as safetensors";
  if (sample.size() > kTfliteMagic && sample.substr(kTfliteMagic).starts_with("TFL3")) {
    return "this is a TensorFlow Lite file, which is not supported; get the model as safetensors";
  }
  const bool is_zero = std::all_of(sample.begin(), sample.end(), [](char byte) { return byte == 0; });
  if (is_zero) return "it starts with nothing but zeros: the download was interrupted; fetch it again";
  return "";
}

}  // namespace cameo::weights
