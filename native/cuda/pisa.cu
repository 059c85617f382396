#include <cmath>

#include "pisa_backward.h"
#include "pisa_forward.h"
#include "pisa_frames.h"
#include "pisa_library.h"
#include "pisa_sums.h"

// The functions of cameo_cuda.so for PISA: which kernels, on which grids, with what between them.

namespace cameo::cuda {

namespace {

template <int d>
FrameGroups forwardGroups(const PisaSizes& sizes) {
  const int blocks = sizes.batch * sizes.heads * tilesOf(sizes.referenceRows(), ForwardShape<d>::kQueries);
  return FrameGroups::of(sizes, blocks, kEnoughBlocks);
}

template <int d>
FrameGroups backwardGroups(const PisaSizes& sizes) {
  const int blocks = sizes.batch * sizes.heads * tilesOf(sizes.referenceRows(), BackwardShape<d>::kKeys);
  // Fewer do: the frames' blocks, which are shorter, run beside them.
  return FrameGroups::of(sizes, blocks, kEnoughBlocks / 4);
}

float scoreScale(int d) {
  return 1 / std::sqrt(static_cast<float>(d));
}

/// Cuts a workspace into pieces whose addresses are multiples of 16 bytes; without one, counts what it takes.
class Workspace {
 public:
  explicit Workspace(float* memory) : memory_(memory) {}

  float* take(int64_t count) {
    float* piece = memory_ == nullptr ? nullptr : memory_ + taken_;
    taken_ += (count + 3) / 4 * 4;
    return piece;
  }
  int64_t taken() const { return taken_; }

 private:
  float* memory_;
  int64_t taken_ = 0;
};

template <int d>
ReferenceState referenceState(const PisaSizes& sizes, Workspace& workspace) {
  return {workspace.take(sizes.referenceNumbers(1)), workspace.take(sizes.referenceNumbers(d)),
          workspace.take(forwardGroups<d>(sizes).count * sizes.referenceNumbers(d))};
}

template <int d, bool in_regions>
BackwardState<in_regions> backwardState(const PisaSizes& sizes, Workspace& workspace) {
  const int64_t heads = int64_t{sizes.batch} * sizes.heads;
  const int64_t statistics = heads * BackwardState<in_regions>::statistics(sizes);
  const int64_t parts = backwardGroups<d>(sizes).count * sizes.referenceNumbers(d);
  return {workspace.take(statistics), workspace.take(statistics),
          workspace.take(heads * QueryTiles<d, in_regions>(sizes).numbers()), workspace.take(parts),
          workspace.take(parts)};
}

template <Precision precision, int d, bool in_regions>
int forward(const PisaSizes& sizes, const Regions<in_regions>& regions, const CameoPisaForward& tensors,
            Stream stream) {
  Workspace workspace(tensors.workspace);
  const ReferenceState state = referenceState<d>(sizes, workspace);
  const FrameGroups groups = forwardGroups<d>(sizes);
  const int heads = sizes.batch * sizes.heads;
  const float scale = scoreScale(d) * kLog2E;

  using Images = AttendImages<precision, d, in_regions>;
  const Images images{sizes, tensors, state, scale, regions};
  if (const int error = launch(images, heads, Images::rows(sizes), stream)) return error;
  using Frames = AttendFrames<precision, d, in_regions>;
  const Frames frames{sizes,  groups, tensors, state, scale, std::log2(static_cast<float>(sizes.frames)),
                      regions};
  if (const int error = launch(frames, heads, groups.count * Frames::tilesOfReferences(sizes), stream))
    return error;
  using Sum = SumGroups<precision, d>;
  const int64_t token = int64_t{sizes.heads} * d;
  const Sum sum{
      sizes, groups.count, state.means, tensors.out, {sizes.images() * sizes.tokens * token, token}};
  return launch(sum, Sum::columns(sizes), heads, stream);
}

template <Precision precision, int d, bool in_regions>
int backward(const PisaSizes& sizes, const Regions<in_regions>& regions, const CameoPisaBackward& tensors,
             Stream stream) {
  Workspace workspace(tensors.workspace);
  const BackwardState<in_regions> state = backwardState<d, in_regions>(sizes, workspace);
  const FrameGroups groups = backwardGroups<d>(sizes);
  const int heads = sizes.batch * sizes.heads;

  using Prepare = PrepareRows<precision, d, in_regions>;
  if (const int error =
          launch(Prepare{sizes, tensors, state, regions}, Prepare::columns(sizes), heads, stream))
    return error;
  if (const int error = fillWithZeros(state.dq, heads * QueryTiles<d, in_regions>(sizes).numbers(), stream))
    return error;
  using Keys = DifferentiateKeys<precision, d, in_regions>;
  const Keys keys{sizes, groups, tensors, state, scoreScale(d), regions};
  if (const int error = launch(keys, heads, Keys::rows(sizes, groups), stream)) return error;
  using Queries = FinishQueries<precision, d, in_regions>;
  const Queries queries{sizes, tensors, state.dq, scoreScale(d)};
  if (const int error = launch(queries, Queries::columns(sizes), heads, stream)) return error;
  using Sum = SumGroups<precision, d>;
  const Sum dk{sizes, groups.count, state.dk, tensors.dk, tensors.gradient};
  if (const int error = launch(dk, Sum::columns(sizes), heads, stream)) return error;
  const Sum dv{sizes, groups.count, state.dv, tensors.dv, tensors.gradient};
  return launch(dv, Sum::columns(sizes), heads, stream);
}

/// Calls `use` with the head size as a constant; `otherwise` where there are no kernels.
template <typename Result, typename Use>
Result withHeadSize(int head_size, Result otherwise, const Use& use) {
  if (!isSupported()) return otherwise;
  switch (head_size) {
    case 32:
      return use.template operator()<32>();
    case 40:
      return use.template operator()<40>();
    case 64:
      return use.template operator()<64>();
    case 80:
      return use.template operator()<80>();
    case 160:
      return use.template operator()<160>();
    default:
      return otherwise;
  }
}

/// Calls `use` with the precision and whether there are regions as constants, and with the regions.
template <typename Use>
int withForm(const CameoPisaProblem& problem, const Use& use) {
  const auto of = [&]<Precision precision>() {
    if (problem.regions == nullptr) return use.template operator()<precision, false>(NoRegions());
    return use.template operator()<precision, true>(PisaRegions{*problem.regions, problem.frames});
  };
  return problem.is_bfloat16 ? of.template operator()<Precision::BFloat16>()
                             : of.template operator()<Precision::Float16>();
}

constexpr int kInvalidValue = 1;  // cudaErrorInvalidValue

}  // namespace

}  // namespace cameo::cuda

#define CAMEO_EXPORT extern "C" __attribute__((visibility("default")))

CAMEO_EXPORT int64_t cameoPisaForwardWorkspace(const CameoPisaProblem* problem) {
  using namespace cameo::cuda;
  return withHeadSize(problem->head_size, int64_t{0}, [&]<int d>() {
    Workspace workspace(nullptr);
    referenceState<d>(PisaSizes(*problem), workspace);
    return workspace.taken();
  });
}

CAMEO_EXPORT int64_t cameoPisaBackwardWorkspace(const CameoPisaProblem* problem) {
  using namespace cameo::cuda;
  return withHeadSize(problem->head_size, int64_t{0}, [&]<int d>() {
    Workspace workspace(nullptr);
    if (problem->regions == nullptr) {
      backwardState<d, false>(PisaSizes(*problem), workspace);
    } else {
      backwardState<d, true>(PisaSizes(*problem), workspace);
    }
    return workspace.taken();
  });
}

CAMEO_EXPORT int cameoPisaForward(const CameoPisaProblem* problem, const CameoPisaForward* tensors,
                                  void* stream) {
  using namespace cameo::cuda;
  return withHeadSize(problem->head_size, kInvalidValue, [&]<int d>() {
    return withForm(*problem, [&]<Precision precision, bool in_regions>(const Regions<in_regions>& regions) {
      return forward<precision, d, in_regions>(PisaSizes(*problem), regions, *tensors,
                                               static_cast<Stream>(stream));
    });
  });
}

CAMEO_EXPORT int cameoPisaBackward(const CameoPisaProblem* problem, const CameoPisaBackward* tensors,
                                   void* stream) {
  using namespace cameo::cuda;
  return withHeadSize(problem->head_size, kInvalidValue, [&]<int d>() {
    return withForm(*problem, [&]<Precision precision, bool in_regions>(const Regions<in_regions>& regions) {
      return backward<precision, d, in_regions>(PisaSizes(*problem), regions, *tensors,
                                                static_cast<Stream>(stream));
    });
  });
}
