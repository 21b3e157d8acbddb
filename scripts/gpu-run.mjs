// What a GPU bundle runs: the tests of kernels/matmul, bench/matmul with its conformance, and pdot through an engine. Everything
// ends in one JSON, whose parts name what failed. Usage: node gpu-run.mjs FILE [--software] [arguments of bench/matmul …]
// --software: on the software GPU that the bundle brings, to try the bundle itself.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

const LIMIT_MS = 240_000;
const [file, ...others] = process.argv.slice(2);
const software = others.includes('--software');
const matmulArguments = others.filter((argument) => argument !== '--software');
Object.assign(process.env, await vulkanVariables());

/** The software GPU if it is asked for; else at least a Vulkan loader, which a GPU machine without displays may lack. */
async function vulkanVariables() {
  const { softwareGpuEnv } = await import('./dist/src/cluster/launchers/software-gpu.js');
  if (software) return softwareGpuEnv();
  const { stdout } = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  if (stdout?.includes('libvulkan.so.1')) return {};
  const { LD_LIBRARY_PATH } = await softwareGpuEnv();
  console.log('no libvulkan.so.1 here: using the loader of the bundle');
  return { LD_LIBRARY_PATH };
}

/** Runs a compiled file, shows what it writes, and gives its exit code and the end of its output. */
function run(script, args) {
  console.log(`\n== ${script} ${args.join(' ')}`);
  const child = spawn(process.execPath, ['--enable-source-maps', join('dist', script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      process.stdout.write(text);
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const started = Date.now();
  return new Promise((done) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      done({ code: code ?? signal, ms: Date.now() - started, output: output.slice(-20_000) });
    });
  });
}

/** The same with the JSON that it writes. */
async function runWithJson(script, args) {
  if (!existsSync(join('dist', script))) return { skipped: `no ${script} in this bundle` };
  const json = `${script.replaceAll('/', '-')}.json`;
  const outcome = await run(script, [...args, '--json', json]);
  return existsSync(json) ? { ...outcome, data: JSON.parse(readFileSync(json, 'utf8')) } : outcome;
}

const results = {
  date: new Date().toISOString(),
  machine: {
    arch: arch(),
    kernel: release(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory: totalmem(),
    node: process.version,
  },
};
const save = () => writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);

// A software GPU must be asked for by name.
const onDevice = software ? ['--device', 'webgpu', '--software', '--sizes', '512'] : ['--device', 'auto'];
const pdotArguments = [...onDevice, '--engines', '1', '--peer', 'no'];
// Saved after each part: a driver that hangs in one must not cost the others.
results.matmul = await runWithJson('bench/matmul.js', ['--conformance', ...matmulArguments]);
save();
results.pdot = await runWithJson('bench/pdot.js', pdotArguments);
save();
results.tests = await run('test/run.js', ['kernels/matmul']);
save();
console.log(`\nwritten: ${file}`);
const failed = [results.matmul, results.pdot, results.tests].some(
  (part) => part.skipped === undefined && part.code !== 0,
);
process.exitCode = failed ? 1 : 0;
