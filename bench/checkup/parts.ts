import type { Share } from './budget.ts';

/** One benchmark of the check-up. */
export interface Part {
  readonly name: string;
  /** Below dist/bench. */
  readonly script: string;
  readonly args: readonly string[];
  readonly share: Share;
  /** Started with the first part, so that it is ready when its turn comes. */
  readonly early?: boolean;
  /** It needs CUDA and no adapter: measured also on a card whose machine has no Vulkan. */
  readonly byCuda?: boolean;
}

const part = (name: string, script: string, args: string, [least, most]: readonly [number, number]): Part => ({
  name,
  script,
  args: args.split(' ').filter((one) => one !== ''),
  share: { least, most },
});

/** All parts in the order of their worth: what comes late may find no time. */
export const ON_CARD: readonly Part[] = [
  part('float32', 'checkup/measure/tiles.js', '--sizes 4096', [10, 60]),
  {
    ...part('torch', 'checkup/measure/torch.js', '--sizes 4096 --halves 4096,8192', [10, 60]),
    early: true,
    byCuda: true,
  },
  { ...part('cuda', 'checkup/measure/cuda.js', '--sizes 4096 --halves 4096,8192', [8, 40]), byCuda: true },
  part('float16', 'checkup/measure/tiles.js', '--dtype float16 --sizes 4096,8192', [10, 80]),
  part('tiles', 'checkup/measure/tiles.js', '--sizes 2048,1024,8192,4096x64x4096,64x4096x64,4095,512', [10, 100]),
  part('tiles-float16', 'checkup/measure/tiles.js', '--dtype float16 --sizes 2048,1024,512', [10, 40]),
  // Hundreds of kernels: several processes compile them, each on a core.
  part('conformance', 'conformance.js', '--hardware --jobs 4', [10, 90]),
  part('pdot-1', 'pdot.js', '--device webgpu --engines 1 --sizes 4096 --peer no', [15, 45]),
  part('pdot-2', 'pdot.js', '--device webgpu --engines 2 --sizes 4096 --peer no', [15, 45]),
  {
    ...part('pdot-cuda', 'pdot.js', '--device cuda --engines 1 --sizes 4096 --peer no --or-skip', [15, 45]),
    byCuda: true,
  },
  part('chain', 'checkup/measure/chain.js', '--size 1024', [8, 30]),
  part('corners', 'corners.js', '--device cpu,webgpu --engines 1 --repeat 2 --rounds 2', [15, 60]),
  part('tiles-int32', 'checkup/measure/tiles.js', '--dtype int32 --sizes 2048', [8, 30]),
  part('matmul', 'matmul.js', '--providers webgpu --sizes 512,1024,2048,4096', [15, 120]),
];

/** The same on a software GPU, in sizes that it manages: for rehearsals. */
export const IN_SOFTWARE: readonly Part[] = [
  part('float32', 'checkup/measure/tiles.js', '--software --sizes 64 --tiles ^(32x32|64x64x16-4x4) --no-tune', [5, 40]),
  { ...part('torch', 'checkup/measure/torch.js', '--software --sizes 256 --halves 256', [3, 20]), early: true },
  part('cuda', 'checkup/measure/cuda.js', '--sizes 64 --halves 64', [3, 20]),
  part('float16', 'checkup/measure/tiles.js', '--software --dtype float16 --sizes 64', [3, 20]),
  part('conformance', 'conformance.js', '--software --tiles ^32x32x16-4x4-b1u1$', [5, 40]),
  part('pdot-1', 'pdot.js', '--software --device webgpu --engines 1 --sizes 128 --rounds 2 --peer no', [5, 30]),
  part('pdot-2', 'pdot.js', '--software --device webgpu --engines 2 --sizes 128 --rounds 2 --peer no', [5, 30]),
  part('chain', 'checkup/measure/chain.js', '--software --size 64', [5, 30]),
  part('corners', 'corners.js', '--software --device cpu,webgpu --engines 1 --repeat 1 --rounds 1', [5, 40]),
  part('matmul', 'matmul.js', '--providers webgpu --sizes 64', [5, 30]),
  part('tune', 'checkup/measure/tiles.js', '--software --sizes 32 --tiles ^(32x32|64x64x16)', [10, 120]),
];
