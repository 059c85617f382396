#include "weights/pickle_value.h"

namespace cameo::weights {

const PickleValue* itemNamed(const PickleValue& dict, std::string_view name, PickleValue::Kind kind) {
  if (dict.kind != PickleValue::Kind::Dict) return nullptr;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const bool is_named = dict.items[i]->kind == PickleValue::Kind::Text && dict.items[i]->text == name;
    if (is_named && dict.items[i + 1]->kind == kind) return dict.items[i + 1];
  }
  return nullptr;
}

}  // namespace cameo::weights
