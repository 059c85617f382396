/** Heads and channels of each, over which PISA is swept: 1 to 8 heads of 4 to 160 channels. */
export const heads: readonly [count: number, channels: number][] = [
  [1, 4],
  [2, 8],
  [8, 40],
  [3, 64],
  [2, 80],
  [1, 160],
];
