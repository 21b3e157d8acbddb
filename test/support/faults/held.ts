/** In any process: bytes of its heap and of all buffers after collections. One does not free all. */
export const live = (): number => {
  const v8 = process.getBuiltinModule('node:v8');
  const vm = process.getBuiltinModule('node:vm');
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  for (let n = 0; n < 3; n++) gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** On an engine: bytes of buffers that are still held after a collection. */
export const held = (): number => {
  const v8 = process.getBuiltinModule('node:v8');
  const vm = process.getBuiltinModule('node:vm');
  v8.setFlagsFromString('--expose-gc');
  (vm.runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
};
