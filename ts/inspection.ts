/** What a weight file or folder is. */
export interface Inspection {
  path: string;
  /** A short name, as in "unet", "motion" or "pipeline". */
  kind: string;
  /** The same in words. */
  description: string;
  /** The flag that takes it, as in "--base"; null where none does. */
  option: string | null;
  /** "safetensors", "pickle" ... */
  format: string;
  files: string[];
  bytes: number;
  tensors: number;
  /** Numbers in all tensors. */
  parameters: number;
  /** Of a file or a network: how many tensors of each type, what the file says of itself, and its keys. */
  dtypes?: Record<string, number>;
  metadata?: Record<string, string>;
  keys?: { name: string; dtype: string; shape: number[] }[];
  /** Of a pipeline's folder: its networks. */
  components?: Record<string, Inspection>;
}
