import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { userHome } from '../../../../src/util/system/user-home.ts';
import { packageFolder } from '../../packages.ts';

/** The files of the libraries of one kind, the best first. */
export interface CudaLibraries {
  /** The driver's library, which comes with the driver. */
  readonly driver: string;
  /** cuBLAS and the compiler of kernels, newest first: a toolkit, or PyTorch's packages, bring both. */
  readonly cublas: readonly string[];
  readonly nvrtc: readonly string[];
}

/** Where the libraries lie, or what is missing. */
export type FoundCuda = CudaLibraries | { readonly missing: string };

const DRIVER = /^libcuda\.so\.1$/;
/** Containers whose links were not made have the file by its version only. */
const VERSIONED_DRIVER = /^libcuda\.so\.\d+\.\d+(\.\d+)*$/;
const CUBLAS = /^libcublas\.so\.\d+$/;
const NVRTC = /^libnvrtc\.so\.\d+(\.\d+)?$/;

/**
 * Finds CUDA's libraries: in the folders that DIRECTVIEW_CUDA_PATH names ("off": nowhere), where drivers and toolkits put
 * them, and in the `nvidia/…` folders of Python's packages. It loads nothing.
 */
export function findCuda(env: NodeJS.ProcessEnv = process.env, root = '/'): FoundCuda {
  const named = env['DIRECTVIEW_CUDA_PATH'] ?? '';
  if (named === 'off') return { missing: 'DIRECTVIEW_CUDA_PATH is off' };
  if (process.platform !== 'linux') return { missing: `CUDA is looked for on Linux, this is ${process.platform}` };
  if (packageFolder('koffi') === undefined) return { missing: 'koffi is not installed: npm install koffi' };
  const folders = [...split(named), ...systemFolders(env, root)];
  const [driver] = [...filesOf(folders, DRIVER), ...filesOf(folders, VERSIONED_DRIVER)];
  if (driver === undefined) return { missing: 'there is no libcuda.so.1: install the driver of an NVIDIA card' };
  const all = [...folders, ...pythonFolders(env, root)];
  const [cublas, nvrtc] = [filesOf(all, CUBLAS), filesOf(all, NVRTC)];
  const lacking = [cublas.length > 0 ? [] : ['libcublas.so'], nvrtc.length > 0 ? [] : ['libnvrtc.so']].flat();
  if (lacking.length === 0) return { driver, cublas: newestFirst(cublas), nvrtc: newestFirst(nvrtc) };
  const hint = 'install the CUDA toolkit, or name their folders in DIRECTVIEW_CUDA_PATH, with colons between them';
  return { missing: `there is no ${lacking.join(' and no ')}: ${hint}` };
}

/** The major version in the name of a library's file; 0 where it has none. */
export function majorOf(path: string): number {
  return Number(/\.so\.(\d+)/.exec(path)?.[1] ?? 0);
}

// A stable sort: of two files of one version, the one that was found first stays first.
const newestFirst = (paths: readonly string[]): string[] => [...paths].sort((a, b) => majorOf(b) - majorOf(a));

const split = (path: string): string[] => path.split(':').filter((folder) => folder !== '');

function systemFolders({ LD_LIBRARY_PATH = '', CUDA_PATH = '', CUDA_HOME = '' }: NodeJS.ProcessEnv, root: string) {
  const toolkits = [CUDA_PATH, CUDA_HOME].filter((folder) => folder !== '').map((folder) => join(folder, 'lib64'));
  const usual = [
    'usr/lib/x86_64-linux-gnu',
    'usr/lib/aarch64-linux-gnu',
    'usr/lib64',
    'usr/lib',
    'usr/lib/x86_64-linux-gnu/nvidia/current',
    'usr/lib64/nvidia',
    'usr/local/nvidia/lib64',
    'usr/local/nvidia/lib',
    'home/kubernetes/bin/nvidia/lib64',
    'run/nvidia/driver/usr/lib/x86_64-linux-gnu',
    'usr/local/cuda/lib64',
    'usr/local/cuda/targets/x86_64-linux/lib',
    'usr/local/cuda/compat',
    'usr/lib/wsl/lib',
    'run/opengl-driver/lib',
    'opt/cuda/lib64',
  ].map((folder) => join(root, folder));
  const versions = subfolders(join(root, 'usr/local'), /^cuda-[\d.]+$/).map((folder) => join(folder, 'lib64'));
  return [...split(LD_LIBRARY_PATH), ...toolkits, ...usual, ...versions];
}

/** Where containers put a Python that PATH may not name (bench/support/peer.ts looks there, too). */
const PREFIXES = ['usr/local', 'usr', 'opt/conda', 'opt/venv', 'venv'];

/**
 * The folders of NVIDIA's Python packages, of PyTorch's own libraries and of conda's, beside each python3 of PATH, the one that
 * DIRECTVIEW_PYTHON names, and in the places of systems and users.
 */
function pythonFolders(env: NodeJS.ProcessEnv, root: string): string[] {
  const { PATH = '', VIRTUAL_ENV = '', CONDA_PREFIX = '', DIRECTVIEW_PYTHON = '' } = env;
  const beside = split(PATH)
    .filter((folder) => existsSync(join(folder, 'python3')))
    .map(dirname);
  const named = DIRECTVIEW_PYTHON.includes('/') ? dirname(dirname(DIRECTVIEW_PYTHON)) : '';
  const usual = [...PREFIXES.map((prefix) => join(root, prefix)), join(userHome() ?? root, '.local')];
  const prefixes = [named, VIRTUAL_ENV, CONDA_PREFIX, ...beside, ...usual].filter((prefix) => prefix !== '');
  const packages = prefixes
    .flatMap((prefix) => ['lib', 'lib64'].flatMap((lib) => subfolders(join(prefix, lib), /^python3/)))
    .flatMap((folder) => [join(folder, 'site-packages'), join(folder, 'dist-packages')]);
  const nvidia = packages.flatMap((folder) => subfolders(join(folder, 'nvidia'), /./)).map((one) => join(one, 'lib'));
  const torch = packages.map((folder) => join(folder, 'torch', 'lib'));
  return [...nvidia, ...torch, ...prefixes.map((prefix) => join(prefix, 'lib'))];
}

function subfolders(folder: string, pattern: RegExp): string[] {
  return names(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}

function filesOf(folders: readonly string[], pattern: RegExp): string[] {
  return [...new Set(folders)].flatMap((folder) => subfolders(folder, pattern));
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // It does not exist, or may not be read.
    return [];
  }
}
