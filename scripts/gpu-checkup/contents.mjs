/** The parts of each package that the check-up loads, beside its package.json. */
export const PACKAGES = {
  webgpu: ['index.js', 'dist/linux-x64'],
  debug: ['src'],
  ms: ['index.js'],
  'gpu.js': ['src', 'node_modules/acorn/package.json', 'node_modules/acorn/dist'],
  'gpu-mock.js': ['.'],
  acorn: ['dist'],
  'acorn-walk': ['dist'],
  'magic-string': ['dist'],
  '@jridgewell/sourcemap-codec': ['dist'],
  picomatch: ['.'],
  commander: ['.'],
  zeromq: ['lib', 'build/manifest.json', 'build/linux/x64/node'],
  'cmake-ts': ['build/loader.js', 'build/loader.mjs'],
  '@tensorflow/tfjs': ['dist/tf.node.js'],
  '@tensorflow/tfjs-core': ['dist/tf-core.node.js'],
  '@tensorflow/tfjs-layers': ['dist/tf-layers.node.js'],
  '@tensorflow/tfjs-converter': ['dist/tf-converter.node.js'],
  '@tensorflow/tfjs-data': ['dist/tf-data.node.js'],
  '@tensorflow/tfjs-backend-webgl': ['dist/tf-backend-webgl.node.js'],
  '@tensorflow/tfjs-backend-cpu': ['dist/tf-backend-cpu.node.js'],
  '@tensorflow/tfjs-backend-wasm': ['dist/tf-backend-wasm.node.js', 'wasm-out'],
  '@tensorflow/tfjs-backend-webgpu': ['dist/tf-backend-webgpu.node.js'],
  seedrandom: ['.'],
  long: ['src'],
  'node-fetch': ['lib'],
  'whatwg-url': ['lib'],
  tr46: ['.'],
  'webidl-conversions': ['lib'],
  koffi: ['index.cjs', 'index.js', 'indirect.cjs', 'indirect.js', 'lib'],
  '@koromix/koffi-linux-x64': ['index.js', 'linux_x64'],
  // The software GPU, for rehearsals.
  '@sparticuz/chromium': ['build', 'bin/swiftshader.tar.br'],
};

/** The pictures for the corners. They travel as PGM, which needs no decoder: that of other formats takes 8 MiB. */
export const PICTURES = [
  'examples/data/camera.png',
  'examples/data/rocket.jpg',
  'test/data/coins.png',
  'test/data/page.png',
];

/** Libraries of loaders that a GPU machine without a display may lack, and the Debian packages that have them. */
export const LIBRARIES = {
  'libvulkan.so.1': 'libvulkan1',
  'libEGL.so.1': 'libegl1',
  'libGLdispatch.so.0': 'libglvnd0',
  'libGL.so.1': 'libgl1',
  'libGLX.so.0': 'libglx0',
  'libX11.so.6': 'libx11-6',
  'libXext.so.6': 'libxext6',
  'libxcb.so.1': 'libxcb1',
  'libXau.so.6': 'libxau6',
  'libXdmcp.so.6': 'libxdmcp6',
  'libbsd.so.0': 'libbsd0',
  'libmd.so.0': 'libmd0',
  'libstdc++.so.6': 'libstdc++6',
  'libgcc_s.so.1': 'libgcc-s1',
};
