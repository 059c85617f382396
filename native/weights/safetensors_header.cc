#include "weights/safetensors_header.h"

#include <array>
#include <nlohmann/json.hpp>

#include "weights/layout.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr std::array<std::pair<std::string_view, c10::ScalarType>, 12> kDtypes{{
    {"F64", c10::kDouble},
    {"F32", c10::kFloat},
    {"F16", c10::kHalf},
    {"BF16", c10::kBFloat16},
    {"F8_E4M3", c10::kFloat8_e4m3fn},
    {"F8_E5M2", c10::kFloat8_e5m2},
    {"I64", c10::kLong},
    {"I32", c10::kInt},
    {"I16", c10::kShort},
    {"I8", c10::kChar},
    {"U8", c10::kByte},
    {"BOOL", c10::kBool},
}};

// The grammar is so small that a place in it is one of these.
enum class Place { Start, Names, Metadata, Tensor, Shape, Offsets, End };

class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderEvents(SafetensorsHeader& header, const std::string& path) : header_(header), path_(path) {}

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    unexpected("a number that is no 64-bit integer");
  }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::Shape && place_ != Place::Offsets) unexpected("a number");
    auto& numbers = place_ == Place::Shape ? tensor().shape : tensor().offsets;
    if (numbers.size() == kMaxDims) fail(quote(tensor().name) + " has a list of more than 16 numbers");
    numbers.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::Metadata) {
      if (!header_.metadata.emplace(key_, value).second) fail("metadata " + quote(key_) + " is there twice");
    } else if (place_ == Place::Tensor && key_ == "dtype") {
      tensor().dtype = value;
    } else {
      unexpected("a string");
    }
    return true;
  }

  bool key(string_t& value) override {
    key_ = value;
    if (place_ != Place::Tensor) return true;
    const bool is_known = value == "dtype" || value == "shape" || value == "data_offsets";
    if (!is_known) fail(quote(tensor().name) + " has an unknown property " + quote(value));
    if (seen_.find(value) != std::string::npos) fail(quote(tensor().name) + " has " + value + " twice");
    seen_ += value;
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::Start) {
      place_ = Place::Names;
    } else if (place_ == Place::Names && key_ == "__metadata__") {
      if (std::exchange(has_metadata_, true)) fail("__metadata__ is there twice");
      place_ = Place::Metadata;
    } else if (place_ == Place::Names) {
      if (header_.tensors.size() == kMaxTensors) fail("more than 200000 tensors");
      header_.tensors.push_back({.name = key_, .dtype = {}, .shape = {}, .offsets = {}});
      seen_.clear();
      place_ = Place::Tensor;
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::Tensor && seen_.size() != std::string_view("dtypeshapedata_offsets").size()) {
      fail(quote(tensor().name) + " lacks its dtype, shape or data_offsets");
    }
    place_ = place_ == Place::Names ? Place::End : Place::Names;
    return true;
  }

  bool start_array(size_t) override {
    if (place_ == Place::Tensor && key_ == "shape") {
      place_ = Place::Shape;
    } else if (place_ == Place::Tensor && key_ == "data_offsets") {
      place_ = Place::Offsets;
    } else {
      unexpected("a list");
    }
    return true;
  }

  bool end_array() override {
    place_ = Place::Tensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail("the header is no valid JSON at byte " + std::to_string(position));
  }

 private:
  SafetensorsHeader::Tensor& tensor() { return header_.tensors.back(); }

  [[noreturn]] void fail(const std::string& why) const {
    failFormat(path_, "damaged safetensors file: " + why);
  }

  [[noreturn]] void unexpected(const std::string& what) const {
    fail(key_.empty() ? "the header is " + what : "the header has " + what + " at " + quote(key_));
  }

  SafetensorsHeader& header_;
  const std::string& path_;
  Place place_ = Place::Start;
  std::string key_;
  std::string seen_;  // the current tensor's properties so far, one after another
  bool has_metadata_ = false;
};

}  // namespace

SafetensorsHeader parseSafetensorsHeader(std::string_view json, const std::string& path) {
  SafetensorsHeader header;
  HeaderEvents events(header, path);
  nlohmann::json::sax_parse(json.begin(), json.end(), &events);
  return header;
}

std::optional<c10::ScalarType> safetensorsDtype(std::string_view name) {
  for (const auto& [known, dtype] : kDtypes) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

std::optional<std::string_view> safetensorsName(c10::ScalarType dtype) {
  for (const auto& [name, known] : kDtypes) {
    if (known == dtype) return name;
  }
  return std::nullopt;
}

}  // namespace cameo::weights
