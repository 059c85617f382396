/** The PyTorch release whose libraries the addon is built for and runs on. */
export const libtorchVersion = "2.11.0";

/** One file of the Python package index, and what of it is kept. */
export interface Wheel {
  project: string;
  version: string;
  sha256: string;
  bytes: number;
  /** Path in the wheel -> folder below the installed libtorch. A path that ends in "/" is a whole folder. */
  keep: Readonly<Record<string, string>>;
}

type Keep = Wheel["keep"];

/** A pip that takes up a broken download where it broke, as pip does from 25.1 on. */
export const resumingPip: Wheel = {
  project: "pip",
  version: "25.3",
  sha256: "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd",
  bytes: 1_778_622,
  // It is run as it is.
  keep: {},
};

const torch = (bytes: number, sha256: string, keep: Keep): Wheel => ({
  project: "torch",
  version: libtorchVersion,
  sha256,
  bytes,
  keep,
});

/** The libraries of these names, and what the addon is compiled with. */
const libraries = (...names: string[]): Keep => ({
  ...Object.fromEntries(names.map((name) => [`torch/lib/${name}`, "lib"])),
  "torch/include/": "include",
});

const linuxCpu = libraries("libc10.so", "libgomp.so.1", "libtorch_cpu.so");

const linuxCuda = libraries(
  ...["libc10.so", "libgomp.so.1", "libtorch_cpu.so", "libc10_cuda.so", "libcaffe2_nvrtc.so"],
  ...["libtorch_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so"],
);

/** On 64-bit Arm its matrix products are in libraries beside it. */
const linuxArmCpu = libraries(
  ...["libc10.so", "libgomp.so.1", "libtorch_cpu.so", "libarm_compute.so", "libarm_compute_graph.so"],
  ...["libnvpl_blas_core.so.0", "libnvpl_blas_lp64_gomp.so.0"],
  ...["libnvpl_lapack_core.so.0", "libnvpl_lapack_lp64_gomp.so.0"],
);

const linuxTorch = (keep: Keep) =>
  torch(530_712_279, "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756", keep);

/** What libtorch_cpu.so itself is linked with on Linux, also where there is no GPU. */
function linuxRuntime(
  cudart: Pick<Wheel, "bytes" | "sha256">,
  cupti: Pick<Wheel, "bytes" | "sha256">,
): readonly Wheel[] {
  return [
    {
      project: "nvidia-cuda-runtime",
      version: "13.0.96",
      ...cudart,
      keep: { "nvidia/cu13/lib/libcudart.so.13": "lib" },
    },
    {
      project: "nvidia-cuda-cupti",
      version: "13.0.85",
      ...cupti,
      keep: { "nvidia/cu13/lib/libcupti.so.13": "lib" },
    },
  ];
}

const runtime = linuxRuntime(
  { bytes: 2_243_632, sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548" },
  { bytes: 10_715_597, sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8" },
);

const armRuntime = linuxRuntime(
  { bytes: 2_261_060, sha256: "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55" },
  { bytes: 10_310_827, sha256: "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151" },
);

function nvidia(project: string, version: string, bytes: number, sha256: string, part = "cu13"): Wheel {
  return { project, version, sha256, bytes, keep: { [`nvidia/${part}/lib/`]: "lib" } };
}

const cudaLibraries: readonly Wheel[] = [
  nvidia(
    "nvidia-cublas",
    "13.1.0.3",
    423_133_236,
    "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
  ),
  nvidia(
    "nvidia-cuda-nvrtc",
    "13.0.88",
    90_215_200,
    "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
  ),
  nvidia(
    "nvidia-cudnn-cu13",
    "9.19.0.56",
    366_066_321,
    "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
    "cudnn",
  ),
  nvidia(
    "nvidia-cufft",
    "12.0.0.61",
    214_085_489,
    "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
  ),
  nvidia(
    "nvidia-cufile",
    "1.15.1.6",
    1_223_672,
    "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
  ),
  nvidia(
    "nvidia-curand",
    "10.4.0.35",
    59_544_258,
    "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
  ),
  nvidia(
    "nvidia-cusolver",
    "12.0.4.66",
    200_941_980,
    "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
  ),
  nvidia(
    "nvidia-cusparse",
    "12.6.3.3",
    145_942_937,
    "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
  ),
  nvidia(
    "nvidia-cusparselt-cu13",
    "0.8.0",
    169_884_119,
    "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
    "cusparselt",
  ),
  nvidia(
    "nvidia-nccl-cu13",
    "2.28.9",
    196_493_177,
    "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
    "nccl",
  ),
  nvidia(
    "nvidia-nvjitlink",
    "13.0.88",
    40_713_933,
    "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
  ),
  nvidia(
    "nvidia-nvshmem-cu13",
    "3.4.5",
    60_412_546,
    "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
    "nvshmem",
  ),
];

/** A set of wheels that together make a libtorch folder. */
export interface Release {
  /** The folder's name in the cache. */
  name: string;
  version: string;
  cuda: boolean;
  wheels: readonly Wheel[];
  /** Size of what is kept, for the check of free disk space. */
  unpackedBytes: number;
}

const wheels: Readonly<Record<string, { wheels: readonly Wheel[]; unpackedBytes: number }>> = {
  "linux-x64": { wheels: [linuxTorch(linuxCpu), ...runtime], unpackedBytes: 540_000_000 },
  "linux-x64-cuda": {
    wheels: [linuxTorch(linuxCuda), ...runtime, ...cudaLibraries],
    unpackedBytes: 4_300_000_000,
  },
  "linux-arm64": {
    wheels: [
      torch(419_731_115, "f99924682ef0aa6a4ab3b1b76f40dc6e273fca09f367d15a524266db100a723f", linuxArmCpu),
      ...armRuntime,
    ],
    unpackedBytes: 380_000_000,
  },
  "darwin-arm64": {
    wheels: [
      torch(
        80_606_338,
        "4b5866312ee6e52ea625cd211dcb97d6a2cdc1131a5f15cc0d87eec948f6dd34",
        libraries("libc10.dylib", "libomp.dylib", "libtorch_cpu.dylib"),
      ),
    ],
    unpackedBytes: 290_000_000,
  },
  "win32-x64": {
    wheels: [
      torch(
        114_556_047,
        "fbf39280699d1b869f55eac536deceaa1b60bd6788ba74f399cc67e60a5fab10",
        libraries("c10.dll", "libiomp5md.dll", "torch_cpu.dll", "uv.dll", "c10.lib", "torch_cpu.lib"),
      ),
    ],
    unpackedBytes: 370_000_000,
  },
};

/** What to fetch on a machine such as "linux-x64"; undefined where nothing is pinned for it. */
export function pinnedRelease(machine: string, cuda: boolean): Release | undefined {
  const pinned = wheels[cuda ? `${machine}-cuda` : machine];
  const name = `libtorch-${libtorchVersion}-${machine}`;
  return pinned && { name, version: libtorchVersion, cuda, ...pinned };
}
