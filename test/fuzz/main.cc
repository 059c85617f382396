// Reads every input in a folder, and prints a line for each: its name, and "read" or the code of the error.
// What is thrown and is no error of ours ends it.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "core/error.h"
#include "fuzz/read.h"

namespace {

std::string outcome(const std::string& path) {
  try {
    cameo::test::readInput(path);
    return "read";
  } catch (const cameo::Error& error) {
    const bool is_line = std::string(error.what()).find('\n') == std::string::npos;
    return std::string(cameo::errorCodeName(error.code())) + (is_line ? "" : ", in several lines");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: cameo_fuzz FOLDER\n";
    return 2;
  }
  std::vector<std::filesystem::path> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) inputs.push_back(entry.path());
  std::sort(inputs.begin(), inputs.end());
  for (const auto& input : inputs) {
    const std::string code = outcome(input.string());
    std::cout << input.filename().string() << ' ' << code << std::endl;
  }
  return 0;
}
