#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace at {
struct Generator;
}

namespace cameo {

/// Draws a parameter of this shape, in fp32 on the CPU.
using Initial = std::function<at::Tensor(const std::vector<int64_t>& shape, const at::Generator& generator)>;

/// A low-rank adapter (arXiv 2106.09685): what is added to a matrix or a kernel is scale * up * down.
struct LowRank {
  at::Tensor down;  // (rank, in, ...)
  at::Tensor up;    // (out, rank), and two ones after a kernel
  double scale = 1;
};

/// A named tensor of a network. A layer declares it when it is constructed and keeps a reference; `value` is
/// undefined until weights are loaded. It may be fp32 where the network computes in less, as what is trained
/// is.
struct Parameter {
  std::string name;  // as in diffusers' state dict
  std::vector<int64_t> shape;
  at::Tensor value;
  bool trainable = true;     // false: a table that comes with the weights, such as position codes
  bool not_in_half = false;  // it stays fp32 in a network of fp16, whose range its products would leave
  bool in_float = false;     // it stays fp32 in networks of any type
  Initial initial = {};      // how training draws it where no file has it; empty: see `models::initialize`
  std::optional<LowRank> adapter = {};

  const at::Tensor& operator*() const { return value; }
  const at::Tensor* operator->() const { return &value; }
  /// The value in the type that `x` is computed in.
  at::Tensor like(const at::Tensor& x) const { return value.to(x.scalar_type()); }
  int64_t numel() const;
  /// The type of its value in a network of this type.
  at::ScalarType storedIn(at::ScalarType dtype) const;
  /// The value with what the adapter adds to it.
  at::Tensor merged() const;
  /// How its value lies in memory where kernels are channels-last.
  at::MemoryFormat channelsLast() const;
};

/// All parameters of one network, in the order in which its layers declared them.
class ParameterSet {
 public:
  ParameterSet() = default;
  ParameterSet(const ParameterSet&) = delete;
  ParameterSet& operator=(const ParameterSet&) = delete;

  /// Beyond what any network has: a config of a few bytes could ask for millions of layers.
  static constexpr size_t kMost = 8192;

  /// The reference stays valid for the set's life. Declaring a name twice is a programming error. Throws
  /// `ErrorCode::WeightsFormat` for more than `kMost` parameters.
  Parameter& declare(std::string name, std::vector<int64_t> shape);

  /// Null where no layer declared that name.
  Parameter* find(std::string_view name);

  /// Says that these matrices are multiplied with the same input, so that `join` lays them together.
  void declareJoined(std::vector<Parameter*> matrices) { joined_.push_back(std::move(matrices)); }

  /// Moves the loaded values of matrices that were declared so into one piece of memory, where `joinedRows`
  /// finds them; their values stay what they are.
  void join();

  std::deque<Parameter>& all() { return parameters_; }
  const std::deque<Parameter>& all() const { return parameters_; }
  int64_t numel() const;

 private:
  std::deque<Parameter> parameters_;  // a deque never moves its elements
  std::unordered_map<std::string_view, Parameter*> by_name_;
  std::vector<std::vector<Parameter*>> joined_;
};

/// The rows of these matrices as one matrix, a view, where `ParameterSet::join` has laid them together;
/// undefined where they lie elsewhere, are trained or have an adapter.
at::Tensor joinedRows(std::initializer_list<const Parameter*> matrices);

/// A place in the tree of names: `scope / "mid_block" / "attentions" / 0`.
class Scope {
 public:
  explicit Scope(ParameterSet& set, std::string prefix = "") : set_(&set), prefix_(std::move(prefix)) {}

  Scope operator/(std::string_view child) const;
  Scope operator/(int64_t index) const { return *this / std::to_string(index); }

  Parameter& parameter(std::string_view name, std::vector<int64_t> shape) const;
  /// One that stays fp32 in networks of any type.
  Parameter& parameterInFloat(std::string_view name, std::vector<int64_t> shape) const;
  /// A parameter that is never trained.
  Parameter& buffer(std::string_view name, std::vector<int64_t> shape) const;

  ParameterSet& set() const { return *set_; }
  /// "mid_block.attentions.0"; "" at the root.
  std::string name() const { return prefix_.substr(0, prefix_.empty() ? 0 : prefix_.size() - 1); }

 private:
  ParameterSet* set_;
  std::string prefix_;  // empty, or ends in '.'
};

}  // namespace cameo
