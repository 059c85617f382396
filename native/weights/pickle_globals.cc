#include "weights/pickle_globals.h"

#include <c10/util/StringUtil.h>

#include <array>

#include "weights/layout.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

using Kind = PickleValue::Kind;

constexpr auto kKnown = std::to_array<KnownGlobal>({
    {"collections", "OrderedDict", GlobalKind::OrderedDict},
    {"torch.nn.modules.container", "ParameterDict", GlobalKind::ParameterDict},
    {"__builtin__", "set", GlobalKind::Set},
    {"builtins", "set", GlobalKind::Set},
    {"torch._utils", "_rebuild_tensor", GlobalKind::RebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", GlobalKind::RebuildTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", GlobalKind::RebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", GlobalKind::RebuildParameter},
    {"torch", "Size", GlobalKind::Size},
    {"torch", "device", GlobalKind::Device},
    {"_codecs", "encode", GlobalKind::EncodeBytes},
    {"torch", "DoubleStorage", GlobalKind::StorageType, c10::kDouble},
    {"torch", "FloatStorage", GlobalKind::StorageType, c10::kFloat},
    {"torch", "HalfStorage", GlobalKind::StorageType, c10::kHalf},
    {"torch", "BFloat16Storage", GlobalKind::StorageType, c10::kBFloat16},
    {"torch", "LongStorage", GlobalKind::StorageType, c10::kLong},
    {"torch", "IntStorage", GlobalKind::StorageType, c10::kInt},
    {"torch", "ShortStorage", GlobalKind::StorageType, c10::kShort},
    {"torch", "CharStorage", GlobalKind::StorageType, c10::kChar},
    {"torch", "ByteStorage", GlobalKind::StorageType, c10::kByte},
    {"torch", "BoolStorage", GlobalKind::StorageType, c10::kBool},
    {"torch.storage", "UntypedStorage", GlobalKind::StorageType},
    {"torch", "UntypedStorage", GlobalKind::StorageType},
    {"torch", "float64", GlobalKind::Dtype, c10::kDouble},
    {"torch", "float32", GlobalKind::Dtype, c10::kFloat},
    {"torch", "float16", GlobalKind::Dtype, c10::kHalf},
    {"torch", "bfloat16", GlobalKind::Dtype, c10::kBFloat16},
    {"torch", "float8_e4m3fn", GlobalKind::Dtype, c10::kFloat8_e4m3fn},
    {"torch", "float8_e5m2", GlobalKind::Dtype, c10::kFloat8_e5m2},
    {"torch", "int64", GlobalKind::Dtype, c10::kLong},
    {"torch", "int32", GlobalKind::Dtype, c10::kInt},
    {"torch", "int16", GlobalKind::Dtype, c10::kShort},
    {"torch", "int8", GlobalKind::Dtype, c10::kChar},
    {"torch", "uint8", GlobalKind::Dtype, c10::kByte},
    {"torch", "bool", GlobalKind::Dtype, c10::kBool},
});

constexpr std::array<std::string_view, 5> kUnsupportedDtypes{"float8", "float4", "uint", "complex",
                                                             "Complex"};

[[noreturn]] void damagedPickle(const std::string& path, const std::string& why) {
  failFormat(path, "damaged pickle: " + why);
}

const PickleValue& item(const PickleValue& list, size_t index, Kind kind, const std::string& path) {
  if (index >= list.items.size() || list.items[index]->kind != kind) {
    damagedPickle(path, "a tensor or storage is described in an unknown way");
  }
  return *list.items[index];
}

std::vector<int64_t> integers(const PickleValue& tuple, const std::string& path) {
  if (tuple.items.size() > kMaxDims)
    damagedPickle(path, c10::str("a tensor has ", tuple.items.size(), " dimensions"));
  std::vector<int64_t> values;
  for (size_t i = 0; i < tuple.items.size(); ++i) values.push_back(item(tuple, i, Kind::Int, path).integer);
  return values;
}

const KnownGlobal& globalItem(const PickleValue& list, size_t index, GlobalKind kind,
                              const std::string& path) {
  const KnownGlobal& global = globalAt(item(list, index, Kind::Global, path).integer);
  if (global.kind != kind) damagedPickle(path, "a tensor or storage is described in an unknown way");
  return global;
}

// _rebuild_tensor*(storage, offset, size, stride[, requires_grad, hooks[, dtype]]): the hooks are never
// called.
PickleValue rebuildTensor(GlobalKind kind, const PickleValue& args, const std::string& path) {
  auto tensor = std::make_shared<PickleTensor>();
  tensor->storage = item(args, 0, Kind::Storage, path).tensor->storage;
  tensor->offset = item(args, 1, Kind::Int, path).integer;
  tensor->shape = integers(item(args, 2, Kind::Tuple, path), path);
  tensor->strides = integers(item(args, 3, Kind::Tuple, path), path);
  if (kind == GlobalKind::RebuildTensorV3) {
    tensor->dtype = *globalItem(args, 6, GlobalKind::Dtype, path).dtype;
  } else if (tensor->storage.dtype) {
    tensor->dtype = *tensor->storage.dtype;
  } else {
    damagedPickle(path, "a tensor has no dtype");
  }
  PickleValue value;
  value.kind = Kind::Tensor;
  value.tensor = std::move(tensor);
  return value;
}

// OrderedDict() or OrderedDict([(key, value), ...])
PickleValue makeDict(const PickleValue& args, const std::string& path) {
  PickleValue dict;
  dict.kind = Kind::Dict;
  if (args.items.empty()) return dict;
  for (const PickleValue* pair : item(args, 0, Kind::List, path).items) {
    const bool is_pair = (pair->kind == Kind::Tuple || pair->kind == Kind::List) && pair->items.size() == 2;
    if (!is_pair) damagedPickle(path, "a dictionary is made of something that is no pair");
    dict.items.insert(dict.items.end(), pair->items.begin(), pair->items.end());
  }
  return dict;
}

}  // namespace

int64_t findGlobal(std::string_view module, std::string_view name, const std::string& path) {
  for (size_t i = 0; i < kKnown.size(); ++i) {
    if (kKnown[i].module == module && kKnown[i].name == name) return static_cast<int64_t>(i);
  }
  for (const std::string_view dtype : kUnsupportedDtypes) {
    if (module != "torch" || !name.starts_with(dtype)) continue;
    failFormat(path, "it has tensors of the dtype " + quote(name) +
                         ", which is not supported; save them as float32, float16 or bfloat16");
  }
  refusePickle(path, "run " + quote(c10::str(module, ".", name)));
}

const KnownGlobal& globalAt(int64_t index) {
  return kKnown[static_cast<size_t>(index)];
}

PickleValue applyGlobal(const KnownGlobal& function, const PickleValue& args, const std::string& path) {
  switch (function.kind) {
    case GlobalKind::OrderedDict:
      return makeDict(args, path);
    case GlobalKind::RebuildTensor:
    case GlobalKind::RebuildTensorV2:
    case GlobalKind::RebuildTensorV3:
      return rebuildTensor(function.kind, args, path);
    case GlobalKind::RebuildParameter:
      return item(args, 0, Kind::Tensor, path);
    case GlobalKind::Size:
      return item(args, 0, Kind::Tuple, path);
    case GlobalKind::Device:
    case GlobalKind::EncodeBytes:
    case GlobalKind::Set:
      return {};
    case GlobalKind::ParameterDict:
    case GlobalKind::StorageType:
    case GlobalKind::Dtype:
      break;
  }
  refusePickle(path, c10::str("call ", function.module, ".", function.name));
}

PickleValue storageOf(const PickleValue& persistent_id, const std::string& path) {
  const bool is_storage =
      persistent_id.kind == Kind::Tuple && item(persistent_id, 0, Kind::Text, path).text == "storage";
  if (!is_storage) damagedPickle(path, "it refers to something that is no storage");
  auto tensor = std::make_shared<PickleTensor>();
  PickleStorage& storage = tensor->storage;
  storage.dtype = globalItem(persistent_id, 1, GlobalKind::StorageType, path).dtype;
  storage.key = item(persistent_id, 2, Kind::Text, path).text;
  storage.numel = item(persistent_id, 4, Kind::Int, path).integer;
  const bool is_view = persistent_id.items.size() > 5 && persistent_id.items[5]->kind == Kind::Tuple;
  if (is_view) storage.view_offset = item(*persistent_id.items[5], 1, Kind::Int, path).integer;
  PickleValue value;
  value.kind = Kind::Storage;
  value.tensor = std::move(tensor);
  return value;
}

void refusePickle(const std::string& path, const std::string& what) {
  throw Error(
      ErrorCode::WeightsUnsafe,
      c10::str(path, ": this pickle asks to ", what,
               "; nothing of it was run. Only tensors, dictionaries and plain values are read: get the "
               "weights as safetensors, or save the bare state dict from a source that you trust"));
}

}  // namespace cameo::weights
