#include "cpu/matrix_unit_panels.h"

#if CAMEO_CPU_KERNELS

namespace cameo::cpu {

namespace {

/// Eight registers of 16 rows of 64 bytes: four of sums, two of each operand.
struct alignas(64) TileSizes {
  uint8_t palette = 1, first_row = 0, unused[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

CAMEO_MATRIX_UNIT void configure() {
  const TileSizes sizes;
  asm volatile("" ::"m"(sizes));  // of which GCC's function says that it reads the first 8 bytes alone
  _tile_loadconfig(&sizes);
}

CAMEO_MATRIX_UNIT void release() {
  _tile_release();
}

}  // namespace

MatrixUnitTiles::MatrixUnitTiles() {
  configure();
}

MatrixUnitTiles::~MatrixUnitTiles() {
  release();
}

template <typename Value>
CAMEO_FOR_EACH_CPU void packRows(RowsOf<Value> x, int64_t rows, int64_t depth, Half* panels) {
  for (int64_t row = 0; row < roundedUp(rows, kPanel); ++row) {
    packRow(row < rows ? x.values + row * x.stride : nullptr, depth, panels + placeOfRow<Value>(row, depth));
  }
}

template void packRows(RowsOf<float>, int64_t, int64_t, Half*);
template void packRows(RowsOf<Half>, int64_t, int64_t, Half*);

}  // namespace cameo::cpu

#endif
