// Opens every file of a folder as weights and reads every tensor, one line of output a file: its name and the
// error's code, or "read". Ends at once where something is thrown that is no typed error of a weight file.

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "weights/inspect.h"
#include "weights/open_weights.h"

namespace {

using namespace cameo;

constexpr int64_t kLargestRead = 1 << 20;  // elements; a tensor expanded from one number may have any count

void readAll(const std::string& path) {
  const auto source = weights::openWeights(path);
  for (const weights::TensorEntry& entry : source->entries) {
    if (entry.numel() <= kLargestRead) entry.view().clone();
    entry.release();
  }
  weights::inspect(path);
}

std::string outcome(const std::string& path) {
  try {
    readAll(path);
    return "read";
  } catch (const Error& error) {
    return errorCodeName(error.code());
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: cameo_fuzz_weights FOLDER\n";
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    const std::string code = outcome(file.string());
    std::cout << file.filename().string() << ' ' << code << '\n';
    if (code != "read" && !code.starts_with("ERR_WEIGHTS_")) return 1;
  }
  return 0;
}
