import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Files of GPU drivers, as paths. */
export interface DriverFiles {
  /** JSON files that tell the Vulkan loader of NVIDIA's driver. `egl`: likewise the EGL loader. */
  readonly icds: readonly string[];
  readonly egl: readonly string[];
  /** The driver's own libraries that answer as a Vulkan driver. */
  readonly libraries: readonly string[];
}

/** The folders that Vulkan and EGL loaders search, and where distributions put drivers. */
const FLAT = [
  'etc/vulkan/icd.d',
  'usr/share/vulkan/icd.d',
  'usr/local/share/vulkan/icd.d',
  'usr/local/etc/vulkan/icd.d',
  'usr/lib/x86_64-linux-gnu/GL/vulkan/icd.d',
  'run/opengl-driver/share/vulkan/icd.d',
  'etc/glvnd/egl_vendor.d',
  'usr/share/glvnd/egl_vendor.d',
  'run/opengl-driver/lib',
  'usr/lib/x86_64-linux-gnu',
  'usr/lib/x86_64-linux-gnu/nvidia/current',
  'usr/lib64',
  'usr/lib64/nvidia',
  'usr/lib/wsl/lib',
];
/** The folders below which hosts of containers mount the driver. */
const DEEP = ['usr/local/nvidia', 'opt/nvidia', 'run/nvidia', 'home/kubernetes/bin/nvidia', 'driver-root'];
const DEPTH = 5;

const ICD = /^nvidia.*icd.*\.json$/;
const EGL = /^\d*_?nvidia.*\.json$/;
const LIBRARY = /^lib(GLX|EGL)_nvidia\.so\.0$/;
/** Containers whose links were not made have the files by their versions only. */
const VERSIONED = /^lib(GLX|EGL)_nvidia\.so\.\d+\.\d+(\.\d+)*$/;

/** Finds NVIDIA's driver below `root`: where loaders search, and where they do not. */
export function findDriverFiles(root = '/'): DriverFiles {
  const files = [
    ...FLAT.flatMap((folder) => filesOf(join(root, folder), 0)),
    ...DEEP.flatMap((folder) => filesOf(join(root, folder), DEPTH)),
  ];
  const named = (pattern: RegExp, within = '') => [
    ...new Set(files.filter((path) => path.includes(within) && pattern.test(nameOf(path)))),
  ];
  const linked = named(LIBRARY);
  const libraries = linked.length > 0 ? linked : named(VERSIONED);
  return {
    icds: named(ICD),
    egl: named(EGL, 'egl_vendor.d'),
    // GLX first: older drivers have no Vulkan in their EGL library.
    libraries: libraries.sort((a, b) => Number(a.includes('EGL')) - Number(b.includes('EGL'))),
  };
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function filesOf(folder: string, depth: number): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) return [path];
      return depth > 0 ? filesOf(path, depth - 1) : [];
    });
  } catch {
    // It does not exist, or may not be read.
    return [];
  }
}

/** The text of a file that tells the Vulkan loader of a driver's library: containers may have the one without the other. */
export function icdText(library: string): string {
  return JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.3.0' } });
}
