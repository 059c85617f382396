#include "weights/row_parts.h"

#include <algorithm>

#include "weights/layout.h"

namespace cameo::weights {

namespace {

/// The part of this number, of so many equal parts of the rows.
TensorEntry rowPart(const TensorEntry& entry, std::string name, int64_t number, int64_t parts) {
  TensorEntry part = entry;
  part.name = std::move(name);
  part.shape[0] /= parts;
  const uint64_t size = c10::elementSize(entry.dtype);
  part.span = elementSpan(part.shape, part.strides).value_or(0) * size;
  part.offset += static_cast<uint64_t>(number * part.shape[0] * part.strides[0]) * size;
  return part;
}

}  // namespace

TensorSource withRowsApart(const TensorSource& source, const std::vector<JoinedRows>& joined) {
  TensorSource result = source;
  result.entries.clear();
  for (const TensorEntry& entry : source.entries) {
    const auto found = std::find_if(joined.begin(), joined.end(), [&](const JoinedRows& rows) {
      return entry.name.ends_with(rows.end) && !entry.shape.empty() && entry.numel() > 0 &&
             entry.shape[0] % static_cast<int64_t>(rows.parts.size()) == 0 && entry.blocks == nullptr;
    });
    if (found == joined.end()) {
      result.entries.push_back(entry);
      continue;
    }
    const std::string start = entry.name.substr(0, entry.name.size() - found->end.size());
    const auto parts = static_cast<int64_t>(found->parts.size());
    for (int64_t i = 0; i < parts; ++i) {
      result.entries.push_back(rowPart(entry, start + std::string(found->parts[i]), i, parts));
    }
  }
  return result;
}

}  // namespace cameo::weights
