// A batch of pictures that is killed again and again: at the end each picture has exactly one record, and memory is flat.
// node scripts/batch-endurance.mjs [--pictures 20000] [--kills 5] [--engines 2] [--device wasm] [--seed 1]
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const MAIN = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '5' },
    engines: { type: 'string', default: '2' },
    device: { type: 'string', default: 'wasm' },
    seed: { type: 'string', default: '1' },
  },
});
const [pictures, kills] = [Number(values.pictures), Number(values.kills)];
const BAD_EVERY = 100;
const PER_FOLDER = 500;

let state = 7919 * Number(values.seed);
/** Numbers from 0 to 1 that a seed repeats. */
function random() {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
}

/** Bright rectangles at places of their own; one picture in a hundred is broken in one of four ways. */
async function generate(root) {
  const [rows, cols] = [48, 64];
  for (let i = 0; i < pictures; i++) {
    const folder = join(root, String(Math.floor(i / PER_FOLDER)).padStart(3, '0'));
    if (i % PER_FOLDER === 0) mkdirSync(folder, { recursive: true });
    const data = Buffer.alloc(rows * cols, 20 + (i % 150));
    for (let k = 0; k < 3; k++) {
      const [top, left] = [(i * 7 + k * 13) % 28, (i * 11 + k * 29) % 44];
      for (let r = top; r < top + 16; r++) data.fill(100 + 50 * k, r * cols + left, r * cols + left + 16);
    }
    const raw = { width: cols, height: rows, channels: 1 };
    const png = await sharp(data, { raw }).png({ compressionLevel: 1 }).toBuffer();
    const bad = [Buffer.alloc(0), Buffer.from('text'), png.subarray(0, png.length / 2), png.subarray(8)];
    writeFileSync(join(folder, `${i}.png`), i % BAD_EVERY === 7 ? bad[Math.floor(i / BAD_EVERY) % 4] : png);
  }
}

const pages = (pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
function childrenOf(pid) {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
const lines = (path) =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

/** One run; first an engine is killed, then the command, when so many more lines are there. */
async function run(args, json, kills) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  let hasEnded = false;
  const ended = new Promise((resolve) => {
    child.once('close', (code, signal) => {
      hasEnded = true;
      resolve({ code, signal, stderr });
    });
  });
  const before = lines(json).length;
  const memory = [];
  const left = [...kills];
  while (!hasEnded) {
    await sleep(100);
    try {
      memory.push(pages(child.pid));
      if (left.length === 0 || lines(json).length < before + left[0].after) continue;
      process.kill(left[0].victim === 'engine' ? childrenOf(child.pid)[0] : child.pid, 'SIGKILL');
      left.shift();
    } catch {
      // it has just ended
    }
  }
  return { ...(await ended), memory, killed: kills.length - left.length };
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / Math.max(1, list.length);

async function main() {
  const root = mkdtempSync(join(tmpdir(), 'directview-endurance-'));
  try {
    const input = join(root, 'in');
    await generate(input);
    const [json, csv, out] = [join(root, 'r.jsonl'), join(root, 'r.csv'), join(root, 'out')];
    const args = ['corners', input, '--json', json, '--csv', csv, '--out', out, '--skip-existing'];
    const engines = ['-n', values.engines, '--device', values.device];
    for (let k = 0; k < kills; k++) {
      // Never all of them: the last run has pictures left.
      const after = Math.floor(((0.1 + 0.8 * random()) * pictures) / (kills + 2));
      const victims = [
        { victim: 'engine', after: Math.floor(after * random()) },
        { victim: 'command', after },
      ];
      const { killed, signal } = await run([...args, ...engines], json, victims);
      console.log(`${killed} of 2 killed (${signal}): ${lines(json).length} lines`);
    }
    const { memory, code, stderr } = await run([...args, ...engines], json, []);
    check({ json, csv, code, stderr });
    const quarter = Math.max(1, Math.floor(memory.length / 4));
    console.log(
      `memory of the command: × ${(mean(memory.slice(-quarter)) / mean(memory.slice(quarter, 2 * quarter))).toFixed(3)}`,
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Each picture has one record and its rows, the bad ones an error. */
function check({ json, csv, code, stderr }) {
  const records = lines(json).map((line) => JSON.parse(line));
  const paths = new Set(records.map(({ path }) => path));
  const failed = records.filter(({ error }) => error !== undefined);
  const rows = lines(csv).slice(1);
  const wantedRows = records.reduce((sum, { corners = [] }) => sum + Math.max(1, corners.length), 0);
  const facts = {
    records: [records.length, pictures],
    'different pictures': [paths.size, pictures],
    failed: [failed.length, Math.ceil((pictures - 7) / BAD_EVERY)],
    'rows of the CSV': [rows.length, wantedRows],
    'different rows': [new Set(rows).size, wantedRows],
  };
  for (const [name, [got, wanted]] of Object.entries(facts)) {
    console.log(`${got === wanted ? 'ok' : 'WRONG'}: ${name} ${got} of ${wanted}`);
    if (got !== wanted) process.exitCode = 1;
  }
  if (code !== 1) console.log(`exit ${code}\n${stderr.slice(-2000)}`);
}

await main();
