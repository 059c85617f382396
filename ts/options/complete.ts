/** Options with every default filled in, within options too. */
export type Complete<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends unknown[] | string | number | boolean
    ? NonNullable<T[K]>
    : Complete<NonNullable<T[K]>>;
};
